// SPDX-License-Identifier: Apache-2.0
// The ringers of isolated nodes that have boards (gnttab-shm/node_bell.hpp): a thread for each board, which takes the lines
// that its node's processes want rung on other nodes. They are the cluster's parent's, which outlives every process of the
// nodes but spctl; whose parent is dead, its nodes are.
#pragma once
#include <functional>
#include <vector>

#include "gnttab-shm/wire_board.hpp"

namespace sp::spctl {

// A board's memory for the nodes' processes to open, -1: none; and where this process has it.
int make_board(uint32_t node, uint32_t node_count);
wire::Board* map_board(int descriptor);

// Takes what is to be rung to the other node. Never returns.
using Carry = std::function<void(uint32_t node, uint64_t lines)>;
[[noreturn]] void ring_others(wire::Board& board, const Carry& carry);

// For nodes of this machine.
void begin_ringers(const std::vector<int>& boards);

} // namespace sp::spctl
