// SPDX-License-Identifier: Apache-2.0
// Process numbers over the nodes of an isolated cluster. Each node gives out numbers from a range of its own, its lease,
// so that a number means one process everywhere and tells the node where that process began. What moves keeps its number
// (clone3 with set_tid): virtual and native numbers are the same, and whoever holds one needs no translation.
#pragma once
#include "libsuperproc/base/ids.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace sp::vpid {

inline constexpr int32_t kReservedPids = 300; // pid_namespaces(7): what a kernel gives out only once
inline constexpr int32_t kLeaseMin = 64;      // with fewer a node can do little

// Divides the numbers below `end` among the nodes of the cluster. False: too few for each.
inline bool lease_out(wire::ClusterHeader& cluster, int32_t end) {
  const int32_t share = (end - kReservedPids) / static_cast<int32_t>(cluster.node_count);
  for (uint32_t n = 0; n < cluster.node_count; ++n) {
    cluster.nodes[n].first_pid = kReservedPids + static_cast<int32_t>(n) * share;
    cluster.nodes[n].end_pid = cluster.nodes[n].first_pid + share;
  }
  return share >= kLeaseMin;
}

// The node that gave out this number.
inline NodeId node_of(int32_t pid) {
  const wire::ClusterHeader& c = wire::cluster();
  for (uint32_t n = 0; n < c.node_count && n < kNodeCountMax; ++n)
    if (pid >= c.nodes[n].first_pid && pid < c.nodes[n].end_pid) return {n};
  return {0};
}

} // namespace sp::vpid
