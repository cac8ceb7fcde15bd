// SPDX-License-Identifier: Apache-2.0
// The point-to-point channel between two domains: an event channel, and one page with a mask for each side, in which a
// bell's lines are noted (bell.hpp). One per pair of nodes; it is made before the node's other processes are forked.
//
// Protocol. Each side names the other in the store (consent). The side with the lower number makes the page, granted to
// the other alone, binds an unbound port for it, and offers both; the other waits for the offer, binds to the port, maps
// the page, and offers in turn, by which the first sees it arrive. Two kernels, so no clock and no number is common.
// Death: the store forgets a dead domain's offer; `alive` looks there. Rings at a dead domain go nowhere.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "gnttab-shm/backend/xen/store.hpp"
#include "gnttab-shm/backend/xen/xen.hpp"

struct xenevtchn_handle;

namespace sp::xen {

class Link {
public:
  // Waits for the peer's consent at most this long. Errors: ETIMEDOUT; EPROTO for an offer that lies; EINVAL: self.
  // `rung` is called by the link's own thread when the peer has rung, and now and then.
  static Result<std::unique_ptr<Link>> create(DomainId peer, int64_t timeout_ms, std::function<void()> rung = {});
  ~Link(); // withdraws the offer and gives back port, page and grants

  // Tells the peer of a segment; the peer's way to the first one, further ones are named in shared memory.
  Result<void> publish(SegmentName name);
  Result<SegmentName> await_segment(int64_t timeout_ms);
  // The peer's `rung` is called, whatever else is rung.
  void ring();
  // False once the peer has withdrawn or is gone.
  bool alive();

private:
  Link(DomainId self, DomainId peer, Store store) : self_(self), peer_(peer), store_(std::move(store)), pages_(peer) {}
  Result<void> make_page(Offer& mine);
  Result<void> join_page(const Offer& theirs);
  Result<void> offer_first(int64_t timeout_ms);
  Result<void> answer(int64_t timeout_ms);
  void begin_ringing();
  void serve();

  DomainId self_, peer_;
  Store store_;
  XenBackend pages_;
  Segment segment_;
  Mapping page_;
  xenevtchn_handle* events_ = nullptr;
  Offer mine_;
  GrantRef link_root_ = 0; // stands in the first side's offer until it has a segment to tell of
  std::function<void()> rung_;
  std::atomic<bool> ending_{false};
  std::thread ringer_;
};

} // namespace sp::xen
