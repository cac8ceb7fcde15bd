// SPDX-License-Identifier: Apache-2.0
// The segment of an isolated cluster as seen from outside (wire/cluster.hpp). Processes of the cluster write it, perhaps
// while we read, perhaps hostile or damaged ones: as with a control segment, bytes are copied first, then checked, and
// only plain values leave this file.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "libsuperproc/wire/cluster.hpp"
#include "spctl/control_reader.hpp"

namespace sp::spctl {

struct ClusterNodeView {
  wire::SpdState state;
  int32_t first_pid, end_pid; // its lease of process numbers
  uint32_t body_count;        // now
  uint64_t bodies_begun;      // since the start
  int64_t dead_since;         // seconds since 1970; 0: it lives
  int32_t domain;             // of Xen; 0: it is of this kernel, and all memory is memfds
};

struct ClusterView {
  wire::Placement placement;
  uint32_t moved_high; // records to look at
  std::vector<ClusterNodeView> nodes;
  uint32_t cores_per_node; // 0: all
  uint32_t epoch;          // nodes that have died
  std::string name;        // of a cluster that lasts, else empty
};

struct MovedView { // numbers are those inside
  int32_t pid, shadow_pid;
  uint32_t body_node, shadow_node;
  uint32_t record = 0;
};

const char* state_name(wire::SpdState state);
const char* memory_name(const ClusterNodeView& node); // what the segment and the pools are

// Where the records are in the segment, and how much of each is wanted.
inline constexpr size_t kMovedHeadBytes = offsetof(wire::Moved, departure);
inline constexpr uint64_t moved_offset(uint32_t index) {
  return wire::kMovedBase - wire::kClusterBase + index * wire::kMovedBytes;
}

inline constexpr uint64_t descriptors_offset(uint32_t index) {
  return moved_offset(index) + offsetof(wire::Moved, descriptors);
}

tl::expected<ClusterView, ReadError> parse_cluster(std::span<const std::byte> header);

// Nothing where the record is free, not yet a move, or names what cannot be.
std::optional<MovedView> parse_moved(std::span<const std::byte> head, const ClusterView& cluster);

// Which numbers the shadow has open, from the bytes of Moved::descriptors.
std::vector<int32_t> parse_descriptors(std::span<const std::byte> bytes);

} // namespace sp::spctl
