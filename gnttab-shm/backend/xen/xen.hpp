// SPDX-License-Identifier: Apache-2.0
// The backend of nodes that are Xen domains. One object is this domain's side of one pair of nodes: what it creates is
// granted to the peer and to nobody else, and it opens nothing but what the peer has granted. A page has one grant
// reference, to one domain, so memory for more than two nodes takes a segment for each pair (docs/xen.md).
//
// A name is (domain, reference of the root page, wire_root.hpp). This domain's own processes open a segment of it by the
// same name, but without grants (announcement.hpp), because a PVH domain cannot map what it grants to itself. Pages are
// there and cost memory from the start, unlike those of other backends, so a segment is bounded (limits.hpp).
// Death: the kernel takes back the grants of a process or domain that is gone; what its peer has mapped stays mapped.
#pragma once
#include <map>
#include <mutex>

#include "gnttab-shm/backend/backend.hpp"
#include "gnttab-shm/backend/xen/bell.hpp"
#include "gnttab-shm/backend/xen/grant_device.hpp"

namespace sp {

class XenBackend {
public:
  using BellType = xen::DomainBell;
  static constexpr const char* kName = "xen";

  explicit XenBackend(xen::DomainId peer) : peer_(peer) {}
  XenBackend(const XenBackend&) = delete;

  Capabilities capabilities() const { return {}; }
  // ENOSPC: more than the limits of this domain allow.
  Result<Segment> create(const char* label, uint64_t bytes);
  // EPERM: the name is of another domain than the peer. EPROTO: there is a page, but not a segment's.
  Result<Segment> open(SegmentName name);
  Result<SegmentName> name(Segment segment) const;
  Result<Mapping> map(Segment segment, const MapRequest& request);
  Result<void> unmap(Mapping mapping);
  // The pages are zeroed; they stay granted, because the peer may have them mapped.
  Result<void> discard(Segment segment, uint64_t offset, uint64_t bytes);
  Result<void> close(Segment segment);

private:
  // A segment that this process made, known by its gntalloc file, or opened, known by a gntdev file without mappings.
  struct Known {
    uint64_t bytes = 0;
    xen::GrantRef root = 0;
    std::vector<xen::GrantRef> pages; // of an opened one
  };

  Result<Segment> open_own(xen::GrantRef ref);
  Result<Known> known(Segment segment) const;
  Result<Segment> remember(xen::Descriptor file, Known known);

  xen::DomainId peer_;
  mutable std::mutex lock_;
  std::map<int32_t, Known> known_; // by SegmentId
};

} // namespace sp
