// SPDX-License-Identifier: Apache-2.0
// The hypercall of gnttab-shm/hypercall, one function for each operation. A hypervisor without it says ENOSYS, a PV
// domain is told EOPNOTSUPP. Addresses are physical ones of this domain, in bytes; everything is whole units.
#pragma once
#include <span>

#include "gnttab-shm/backend/xen/grant_device.hpp"
#include "gnttab-shm/hypercall/address_range.h"

namespace sp::xen {

inline constexpr uint64_t kUnitBytes = XEN_ADDRESS_RANGE_UNIT_PAGES * 4096ull;

using RangeId = Id<struct RangeTag, uint32_t>;

// How a domain names another's range.
struct RangeName {
  DomainId owner;
  RangeId id;
};

struct RangeState {
  uint64_t bytes = 0;
  uint16_t rights = 0;
  uint32_t mapped_units = 0; // by this domain; of its own range, by all peers
};

class RangeCall {
public:
  // Whether this domain can share ranges: the hypervisor has the call, and the domain's page tables are nested.
  static bool there();

  // In ns; one for all domains.
  static Result<uint64_t> system_time_ns();

  // ENXIO: not plain memory in units of its own. ESRCH: a peer is not there. ENOSPC: the hypervisor's limits.
  static Result<RangeId> create(uint64_t address, uint64_t bytes, std::span<const xen_address_range_peer> peers);
  static Result<RangeState> query(RangeName name);
  // All or nothing. ENOENT: no such range. EACCES: no consent, or not to these rights. EEXIST: not a hole.
  static Result<void> map(RangeName name, uint64_t address, uint64_t bytes, uint16_t rights);
  static Result<void> unmap(RangeName name, uint64_t address, uint64_t bytes);
  // Takes the range from a peer: what that maps is gone when this returns. Own number: from all, and the range ends.
  static Result<void> revoke(RangeId id, DomainId from);
  // EBUSY: no new mappings, but there still are some.
  static Result<void> release(RangeId id);

  // The call as it is, for tests of bad input. `argument` is what the hypervisor left in it.
  static Result<long> raw(xen_address_range& argument);
};

} // namespace sp::xen
