// SPDX-License-Identifier: Apache-2.0
// Placement: which node a new thread runs on, and which processors a node has. Decided where the thread is created, from
// counters in shared memory; there is no scheduler to ask.
#pragma once
#include "libsuperproc/cluster/self.hpp"

namespace sp {

// The node for the calling thread's next thread: what sp_place_next asked for, else by the policy.
NodeId choose_node();

// The home node of a SubProcess: the first one's is node 0; its descendants, exec'd or forked, are spread over the nodes.
NodeId home_of(int32_t pid, int32_t superprocess);

// Divides the program's processors among the nodes: `cores_per_node` each, or an equal share; with more nodes than
// processors they take turns.
void share_out_processors();

// A process of one thread: its home is this node, one of `node_count` over which its threads may be spread.
void live_on(NodeId home, uint32_t node_count);

// Moves the calling thread to the node's processors.
void stay_on(NodeId node);

} // namespace sp
