// SPDX-License-Identifier: Apache-2.0
// A node's board, and who sleeps on it (node_bell.hpp has the protocol). The board is memory of the node alone, where its
// kernel has futexes; the sleepers lie in the cluster segment, where every node sees them.
#pragma once
#include <atomic>
#include <cstdint>
#include <type_traits>

#include "libsuperproc/base/ids.hpp"

namespace sp::wire {

inline constexpr uint32_t kBoardLines = 64;

struct Board {
  std::atomic<uint32_t> lines[kBoardLines]; // futex words: how often each was rung
  std::atomic<uint32_t> rings;              // futex word of the node's ringer: how often it was given something
  uint32_t node;                            // whose board it is
  uint32_t node_count;
  std::atomic<uint64_t> to_ring[kNodeCountMax]; // lines of each other node
};
static_assert(sizeof(Board) <= 4096 && std::is_standard_layout_v<Board>);

struct alignas(64) NodeSleepers {
  std::atomic<uint32_t> counts[kBoardLines]; // at least as many threads of the node as sleep on each line
  std::atomic<uint64_t> rung;                // lines that others have rung, until the node's ringer takes them
  std::atomic<uint32_t> beat;                // changes as long as the node's ringer lives
};
struct Sleepers {
  NodeSleepers nodes[kNodeCountMax];
  int64_t clock_epochs_ns[2]; // of domains: spctl/xen/domain_clocks.hpp
};

} // namespace sp::wire
