// SPDX-License-Identifier: Apache-2.0
// For fuzz targets of those who map the cluster segment: zeroed memory at its fixed address with nothing mapped around it,
// so that an access outside of it ends the target. Input is laid over parts of it.
#pragma once
#include <cstring>
#include <sys/mman.h>

#include "libsuperproc/cluster/node_mesh.hpp"
#include "tests/fuzz/input.hpp"
#include "vpid/lease.hpp"

namespace sp::fuzz {

// Once for the process; then each input starts with records of zeros and queues that are in order.
inline void map_segment() {
  static const bool done = [] {
    void* const there = reinterpret_cast<void*>(wire::kClusterBase);
    return mmap(there, wire::kClusterBytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0) == there;
  }();
  insist(done, "no memory for the segment");
}

inline void format_cluster(uint32_t node_count) {
  map_segment();
  wire::ClusterHeader& c = wire::cluster();
  std::memset(static_cast<void*>(&c), 0, sizeof c);
  c.version = wire::kClusterVersion, c.bytes = sizeof c, c.node_count = node_count;
  c.moved_count = wire::kMovedCountMax, c.magic = wire::kClusterMagic;
  insist(vpid::lease_out(c, 32768), "no leases");
  for (uint32_t target = 0; target < node_count; ++target) {
    EventChannel::create(node_bell_line({target}));
    for (uint32_t source = 0; source < node_count; ++source)
      (void)Ring::create(node_ring_memory({source}, {target}), kNodeRingStride, {source}, {target}, kNodeSlotCount);
  }
}

inline void format_record(uint32_t record, NodeId body, NodeId shadow) {
  std::memset(static_cast<void*>(&wire::moved(record)), 0, sizeof(wire::Moved));
  EventChannel::create(moved_bell_line(record));
  (void)Ring::create(moved_ring_memory(record), kMovedRingBytes, body, shadow, wire::kMovedSlotCount);
}

} // namespace sp::fuzz
