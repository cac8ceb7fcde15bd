// SPDX-License-Identifier: Apache-2.0
// Discovery and consent through xenstore. A domain says whom it links with by an entry of its own,
// /local/domain/SELF/data/superproc/PEER, which only the peer may read and only this domain (and dom0) can write. Two
// domains are linked when each has named the other; without that neither grants a page nor binds a port.
// An entry is "VERSION PORT ROOT": numbers, each checked. It goes away with its domain, or when the domain withdraws.
#pragma once
#include <cstdint>

#include "gnttab-shm/backend/xen/grant_device.hpp"
#include "libsuperproc/base/result.hpp"

struct xs_handle;

namespace sp::xen {

// What one domain offers another; 0: not yet.
struct Offer {
  uint32_t port = 0; // of an event channel that waits for the other domain
  GrantRef root = 0; // of a segment
  friend bool operator==(const Offer&, const Offer&) = default;
};

class Store {
public:
  static Result<Store> open();
  Store(Store&& other) noexcept : connection_(other.connection_) { other.connection_ = nullptr; }
  ~Store();

  // This domain's number. ENXIO: not on Xen, or no store.
  static Result<DomainId> own_domain();

  Result<void> offer(DomainId self, DomainId peer, Offer offer);
  Result<void> withdraw(DomainId self, DomainId peer);
  // ENOENT: the peer has not consented, or is gone. EPROTO: what stands there is no offer.
  Result<Offer> offer_of(DomainId peer, DomainId self);
  // One with a port: without it says that the domain is willing, no more. ETIMEDOUT
  Result<Offer> await_offer(DomainId peer, DomainId self, int64_t timeout_ms);

private:
  explicit Store(xs_handle* connection) : connection_(connection) {}
  xs_handle* connection_;
};

} // namespace sp::xen
