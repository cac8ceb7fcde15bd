// SPDX-License-Identifier: Apache-2.0
// The backend of nodes that are Xen domains. One object has this domain's peers: what it creates is for them and for
// nobody else, and it opens nothing but what one of them has made for this domain. There are two ways to share memory:
//
// Grants, which every Xen has. A page has one reference, to one domain, so there is one peer. A name is (domain,
// reference of the root page, wire_root.hpp). This domain's own processes open a segment of it by the same name, but
// without grants (announcement.hpp), because a PVH domain cannot map what it grants to itself.
// Ranges (range_place.hpp), where the hypervisor has the extension and the domain has memory for them: for up to 16
// peers, mapped 2 MiB at a time, and revoked from one or all of them. A name is (domain, number of the range | kRangeName).
// A peer sees whole units of 2 MiB; this domain's processes the bytes that were asked for.
//
// Pages are there and cost memory from the start, unlike those of other backends, so a segment is bounded (limits.hpp).
// Death: the kernel takes back the grants of a process or domain that is gone; what its peer has mapped stays mapped,
// and faults if it is a destroyed domain's range.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "gnttab-shm/backend/backend.hpp"
#include "gnttab-shm/backend/xen/bell.hpp"
#include "gnttab-shm/backend/xen/grant_device.hpp"
#include "gnttab-shm/backend/xen/range_place.hpp"

namespace sp {

namespace xen {
enum class Sharing {
  best, // ranges for what is a unit or larger or for several peers, if they can be had; else grants
  grants,
  ranges
};
} // namespace xen

class XenBackend {
public:
  using BellType = xen::DomainBell;
  static constexpr const char* kName = "xen";

  explicit XenBackend(xen::DomainId peer, xen::Sharing sharing = xen::Sharing::best)
      : XenBackend(std::vector{peer}, sharing) {}
  explicit XenBackend(std::vector<xen::DomainId> peers, xen::Sharing sharing = xen::Sharing::best)
      : peers_(std::move(peers)), sharing_(sharing) {}
  XenBackend(const XenBackend&) = delete;

  // range_mapping: the hypervisor has the extension, and this domain has memory for ranges of its own.
  Capabilities capabilities() const;
  // ENOSPC: more than the limits of this domain allow. ENOTSUP: several peers, and no ranges.
  Result<Segment> create(const char* label, uint64_t bytes);
  // EPERM: the name is of another domain than a peer. EPROTO: there is a page, but not a segment's.
  Result<Segment> open(SegmentName name);
  Result<SegmentName> name(Segment segment) const;
  Result<Mapping> map(Segment segment, const MapRequest& request);
  Result<void> unmap(Mapping mapping);
  // Takes a range that this process made from a peer; an access of it faults when this returns. ENOTSUP: grants.
  Result<void> revoke(Segment segment, xen::DomainId peer);
  // The pages are zeroed; they stay granted, because the peer may have them mapped.
  Result<void> discard(Segment segment, uint64_t offset, uint64_t bytes);
  Result<void> close(Segment segment);

private:
  static constexpr int32_t kRangeName = 1 << 30;
  // A segment that this process made, known by its gntalloc file, or opened, known by a gntdev file without mappings; or
  // a range, known by its record's file.
  struct Known {
    uint64_t bytes = 0;
    xen::GrantRef root = 0;
    std::vector<xen::GrantRef> pages = {}; // of an opened one
    xen::DomainId owner{-1};
    std::optional<xen::RangeRecord> range = {};
    bool made = true;
  };

  bool is_peer(int32_t domain) const;
  bool uses_range(uint64_t bytes) const;
  Result<Segment> create_range(uint64_t bytes);
  Result<Segment> open_range(SegmentName name);
  Result<Mapping> map_range(int record, const xen::RangeRecord& range, const MapRequest& request);
  void unpin(const void* start);
  Result<Segment> open_own(xen::GrantRef ref);
  Result<Known> known(Segment segment) const;
  Result<Segment> remember(xen::Descriptor file, Known known);

  std::vector<xen::DomainId> peers_;
  xen::Sharing sharing_;
  mutable std::mutex lock_;
  std::map<int32_t, Known> known_;    // by SegmentId
  std::map<const void*, void*> pins_; // of mappings of ranges: a page of the record's file, which keeps its lock
};

} // namespace sp
