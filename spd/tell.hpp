// SPDX-License-Identifier: Apache-2.0
// A request to the spd of another node, or of this one, for whose answer nobody waits. Those of one thread arrive in order.
#pragma once
#include <sys/syscall.h>
#include <unistd.h>

#include "libsuperproc/cluster/node_mesh.hpp"
#include "spd/segment.hpp"

namespace sp::spd {

// False: there is no room for it now.
inline bool tell(NodeId self, uint32_t node, wire::NodeOperation operation, uint64_t one, uint64_t other) {
  if (node >= node_count()) return true;
  const auto ring = Ring::open(node_ring_memory(self, {node}), kNodeRingStride);
  const auto bell = EventChannel::open(node_bell_line({node}));
  if (!ring || !bell) return true;
  const Request request{static_cast<uint32_t>(operation), 0, 0, {one, other}};
  const auto told = Ring(*ring).submit(request, HostTid{static_cast<int32_t>(syscall(SYS_gettid))}, Ring::Reply::none);
  bell->notify(bell_bit(self));
  return told.has_value();
}

} // namespace sp::spd
