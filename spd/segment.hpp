// SPDX-License-Identifier: Apache-2.0
// The cluster segment in spd and in shadows.
#pragma once
#include "libsuperproc/cluster/node_mesh.hpp"

namespace sp::spd {
// Maps it at its fixed address and checks whose it is. Ends the process with a message otherwise.
void map_cluster(int descriptor);
bool find_cluster(); // the same where it is mapped; false: another's

// What it said then, copied: the segment is input, and every process of the cluster can write there.
uint32_t node_count();
struct Lease {
  int32_t first, end;
};
Lease lease_of(NodeId node);
bool is_leased(int32_t pid); // a number that some node gives out, so neither a group, nor spd, nor its keeper

} // namespace sp::spd
