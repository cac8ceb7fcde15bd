// SPDX-License-Identifier: Apache-2.0
#include "spd/segment.hpp"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

#include "libsuperproc/wire/cluster.hpp"

namespace sp::spd {

void map_cluster(int descriptor) {
  void* const there = reinterpret_cast<void*>(wire::kClusterBase);
  void* at = mmap(there, wire::kClusterBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, descriptor, 0);
  if (at != there) {
    perror("superproc: cannot map the cluster's memory");
    exit(125);
  }
  const wire::ClusterHeader& c = wire::cluster();
  if (c.magic == wire::kClusterMagic && c.version == wire::kClusterVersion && c.bytes == sizeof c &&
      c.node_count >= 1 && c.node_count <= kNodeCountMax)
    return;
  fprintf(stderr, "superproc: the cluster's memory is of another version; install all of superproc from one build\n");
  exit(125);
}

} // namespace sp::spd
