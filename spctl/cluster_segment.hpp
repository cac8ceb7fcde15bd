// SPDX-License-Identifier: Apache-2.0
// Makes the memory of an isolated cluster: its segment (wire/cluster.hpp), mapped at its place in this process, and the
// nodes' pools (wire/pool.hpp).
#pragma once
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "spctl/message.hpp"
#include "spctl/run_settings.hpp"

namespace sp::spctl {

struct Segments {
  std::vector<int> common; // descriptors, of the segment first, then of each node's pool
  std::vector<int> boards; // of each node; none: the nodes sleep on futexes
};

// A sparse file of memory, or -1.
int make_memory(const std::string& name, uint64_t bytes);

// The header and the queues of a segment that is mapped and zero. False: there are too few process numbers.
struct SegmentKind {
  uint32_t record_count;
  uint32_t has_boards;
};
bool format_cluster(const RunSettings& settings, const std::string& name, SegmentKind kind);

// `name`: of a cluster that lasts, else empty.
tl::expected<Segments, Refusal> make_segments(const RunSettings& settings, const std::string& name);

} // namespace sp::spctl
