// SPDX-License-Identifier: Apache-2.0
// The CPUs of an isolated node (--cores-per-node): each node takes as many in turn of those that the cluster was given,
// from the first again when they are used up. What begins on the node has them by inheritance.
#pragma once
#include <sched.h>

#include "libsuperproc/wire/cluster.hpp"

namespace sp {

// For the calling thread, which has all of the cluster's so far. `each` 0: it keeps them.
inline void keep_to_node_cpus(NodeId node, uint32_t each) {
  cpu_set_t all, chosen;
  CPU_ZERO(&all);
  CPU_ZERO(&chosen);
  if (each == 0 || sched_getaffinity(0, sizeof all, &all) != 0) return;
  const auto count = static_cast<uint32_t>(CPU_COUNT(&all));
  for (uint32_t i = 0; i < each && i < count; ++i) {
    uint32_t wanted = (node.value * each + i) % count, cpu = 0;
    for (; !CPU_ISSET(cpu, &all) || wanted-- > 0; ++cpu) {
    }
    CPU_SET(cpu, &chosen);
  }
  sched_setaffinity(0, sizeof chosen, &chosen);
}

} // namespace sp
