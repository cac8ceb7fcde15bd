// SPDX-License-Identifier: Apache-2.0
// The segments behind a converted address space: one for what existed at conversion (the image: offset == address) and
// one for each node's arena. The reaper alone holds their descriptors, in a descriptor table of its own, so the program's
// table contains nothing of ours; whoever needs one has it opened through /proc, at home, for a moment.
// On isolated nodes they are parts of the nodes' pools (wire/pool.hpp): home's has the image, each its own arena, in the
// upper half of the space; any node opens them for itself.
#pragma once
#include "libsuperproc/base/result.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/memory/memory_table.hpp"

namespace sp::memory {

inline constexpr uint32_t kImageSegment = 0; // arena n is segment n + 1
inline constexpr uint32_t kSegmentCountMax = kNodeCountMax + 1;
inline constexpr uint64_t kImageBytes = 1ull << 47;
inline constexpr uint64_t kArenasInSpace = kImageBytes + (1ull << 40); // behind the description for residents

struct Segment {
  uint32_t index;
  uint64_t offset; // of a given address
};
// The segment that backs an address: by arithmetic.
inline Segment segment_of(uint64_t address) {
  if (!wire::in_arenas(address)) return {kImageSegment, memory_table().image_base + address};
  const NodeId node = wire::arena_node(address);
  return {node.value + 1, memory_table().arena_base + address - wire::arena_start(node)};
}

// ---- in the reaper, whose descriptor table is empty ----
Result<> create_segments(); // descriptor number == segment index

// ---- elsewhere ----
// A descriptor of the segment, opened for a scope.
class SegmentDescriptor {
public:
  enum class For { this_node, home };
  explicit SegmentDescriptor(uint32_t index, For user = For::this_node);
  SegmentDescriptor(const SegmentDescriptor&) = delete;
  ~SegmentDescriptor();
  long value() const { return fd_; } // or -errno

private:
  bool is_home_s_; // a number of home's table, which is not this node's
  long fd_;
};

// Maps the segment's pages at [start, end) in every resident; the range lies in one segment.
long map_segment(uint64_t start, uint64_t end, int prot);
// ... in this one, by a descriptor of it that all residents share, or one of its own: for the agents.
inline constexpr long kOwnDescriptor = -1;
long map_descriptor(uint64_t start, uint64_t end, int prot, long fd);
// Gives the pages of [start, end) back: they read as zeros afterwards, on every node. Works whatever is mapped there.
long release_pages(uint64_t start, uint64_t end);
// The same where this node maps the range shared and writable: by address, without a descriptor.
long release_mapped_pages(uint64_t start, uint64_t end);

} // namespace sp::memory
