// SPDX-License-Identifier: Apache-2.0
// The segments behind a converted address space: one for what existed at conversion (the image: offset == address) and
// one for each node's arena. The reaper alone holds their descriptors, in a descriptor table of its own, so the program's
// table contains nothing of ours; whoever needs one has it opened through /proc, at home, for a moment.
#pragma once
#include "libsuperproc/base/result.hpp"
#include "libsuperproc/cluster/self.hpp"

namespace sp::memory {

inline constexpr uint32_t kImageSegment = 0; // arena n is segment n + 1
inline constexpr uint32_t kSegmentCountMax = kNodeCountMax + 1;
inline constexpr uint64_t kImageBytes = 1ull << 47;

struct Segment {
  uint32_t index;
  uint64_t offset; // of a given address
};
// The segment that backs an address: by arithmetic.
constexpr Segment segment_of(uint64_t address) {
  if (!wire::in_arenas(address)) return {kImageSegment, address};
  const NodeId node = wire::arena_node(address);
  return {node.value + 1, address - wire::arena_start(node)};
}

// ---- in the reaper, whose descriptor table is empty ----
Result<> create_segments(); // descriptor number == segment index

// ---- elsewhere ----
// A descriptor of the segment, opened for a scope.
class SegmentDescriptor {
public:
  explicit SegmentDescriptor(uint32_t index);
  SegmentDescriptor(const SegmentDescriptor&) = delete;
  ~SegmentDescriptor();
  long value() const { return fd_; } // or -errno

private:
  long fd_;
};

// Maps the segment's pages at [start, end) in every resident; the range lies in one segment.
long map_segment(uint64_t start, uint64_t end, int prot);
// ... in this one, by a descriptor of it that all residents share: for the agents.
long map_descriptor(uint64_t start, uint64_t end, int prot, long fd);
// Gives the pages of [start, end) back: they read as zeros afterwards, on every node. Works whatever is mapped there.
long release_pages(uint64_t start, uint64_t end);
// The same where this node maps the range shared and writable: by address, without a descriptor.
long release_mapped_pages(uint64_t start, uint64_t end);

} // namespace sp::memory
