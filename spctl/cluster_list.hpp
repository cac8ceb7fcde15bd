// SPDX-License-Identifier: Apache-2.0
// Finds the isolated clusters that run on this machine: by the second process of each node, the keeper, which has the
// cluster's segment as descriptor 3. It is opened read-only through /proc.
#pragma once
#include <string>
#include <vector>

#include "spctl/cluster_reader.hpp"
#include "spctl/process_numbers.hpp"

namespace sp::spctl {

struct IsolatedNode {
  int32_t spd;    // 0: gone
  uint64_t space; // its pid namespace
};

struct IsolatedCluster {
  ClusterView view;
  std::vector<IsolatedNode> nodes; // as many as in view
  std::vector<MovedView> moved;
  int32_t keeper = 0; // one of them

  int32_t number() const; // what it is called: the spd of the first node that has one
};

struct UnreadableProcess { // has a segment that cannot be read
  int32_t pid;
  std::string why;
};

struct ClusterList {
  std::vector<IsolatedCluster> clusters;
  std::vector<UnreadableProcess> unreadable;
};

ClusterList list_clusters(const NumberTable& numbers);

// Bytes of its segment; fewer, or none, when it has ended meanwhile.
std::vector<std::byte> read_segment(const IsolatedCluster& cluster, uint64_t offset, size_t bytes);

// Where a process is in a cluster.
struct Place {
  const IsolatedCluster* cluster; // null: in none
  uint32_t node;
};
Place place_of(const std::vector<IsolatedCluster>& clusters, uint64_t space);

} // namespace sp::spctl
