// SPDX-License-Identifier: Apache-2.0
// What two domains cost without a cluster over them: an event channel there and back, and mapping what the other has made,
// by grants and by a range. Asked by sp-bench-domains, which `spctl bench --backend xen` runs; the other domain is one
// that has said `spctl join`.
//
// Protocol. The asker makes a page for the other, the *desk*, and publishes it on the link where a cluster's range would
// be; a grant's number has no kRangeMark. It writes a wish and rings; the other fulfils it, writes what it made, and then
// `done`. One wish at a time, the last is Wish::end. The ball, a number, is the asker's when it is even: who is rung and has it
// counts it up and rings. The desk is the asker's memory: the other reads each word once and does nothing but these wishes.
// Death: the other's part ends with the link, and where it has not been rung for kIdleMs: the asker was killed. The asker waits
// some seconds at most.
#pragma once
#include <atomic>
#include <cstdint>

#include "gnttab-shm/backend/xen/link.hpp"

namespace sp::spctl {

enum class Wish : uint32_t { none, ball, grants, range, end };

struct Desk {
  static constexpr uint32_t kMagic = 0x4b534544; // "DESK"
  uint32_t magic;
  std::atomic<Wish> wish, done;
  std::atomic<int32_t> made, error; // the segment's name; 0 or an errno value
  std::atomic<uint32_t> ball;
};

inline constexpr uint64_t kBenchBytes = 64ull << 20; // what is mapped
inline constexpr uint64_t kDeskBytes = 4096;

// The other side. Its link calls rung().
class DomainBench {
public:
  // ENODATA: the page is no desk.
  static Result<std::unique_ptr<DomainBench>> create(xen::Link& link, xen::DomainId asker, SegmentName desk);
  ~DomainBench();
  void rung();
  // Until the asker's last wish, or its end.
  void serve();

private:
  DomainBench(xen::Link& link, xen::DomainId asker)
      : link_(link), desks_(asker, xen::Sharing::grants), grants_(asker, xen::Sharing::grants),
        ranges_(asker, xen::Sharing::ranges) {}
  static constexpr int64_t kIdleMs = 60'000;

  void fulfil(Wish wish);
  void give_back();
  Desk& desk() const { return *static_cast<Desk*>(desk_.start); }

  xen::Link& link_;
  XenBackend desks_, grants_, ranges_;
  Segment desk_segment_;
  Mapping desk_;
  XenBackend* maker_ = nullptr; // of what there is
  std::atomic<bool> busy_{true};
  Segment made_;
};

} // namespace sp::spctl
