// SPDX-License-Identifier: Apache-2.0
#include "spd/segment.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "libsuperproc/cluster/cluster_memory.hpp"

namespace sp::spd {

namespace {

// As it was when this process mapped it. Whoever writes there later changes nothing here.
struct Found {
  uint32_t node_count;
  Lease leases[kNodeCountMax];
} found;

} // namespace

uint32_t node_count() { return found.node_count; }
Lease lease_of(NodeId node) { return found.leases[node.value]; }

bool is_leased(int32_t pid) {
  return pid > wire::kKeeperPid && pid >= found.leases[0].first && pid < found.leases[found.node_count - 1].end;
}

bool find_cluster() {
  const wire::ClusterHeader& c = wire::cluster();
  const uint32_t count = static_cast<const volatile uint32_t&>(c.node_count);
  if (c.magic != wire::kClusterMagic || c.version != wire::kClusterVersion || c.bytes != sizeof c) return false;
  if (count < 1 || count > kNodeCountMax) return false;
  found.node_count = count;
  for (uint32_t n = 0; n < count; ++n) found.leases[n] = {c.nodes[n].first_pid, c.nodes[n].end_pid};
  return true;
}

void map_cluster(int descriptor) {
  if (const long failed = map_cluster_segment(descriptor)) {
    fprintf(stderr, "superproc: cannot map the cluster's memory: %s\n", strerror(static_cast<int>(-failed)));
    exit(125);
  }
  if (find_cluster()) return;
  fprintf(stderr, "superproc: the cluster's memory is of another version, or was overwritten; install all of superproc "
                  "from one build\n");
  exit(125);
}

} // namespace sp::spd
