// SPDX-License-Identifier: Apache-2.0
// See node_death.hpp.
#include "spctl/node_death.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "libsuperproc/cluster/pool.hpp"

namespace sp::spctl {
namespace {

void fail_rings(NodeId dead) {
  for (uint32_t n = 0; n < bounded_node_count(); ++n)
    for (void* memory : {node_ring_memory({n}, dead), node_ring_memory(dead, {n})})
      if (auto ring = Ring::open(memory, kNodeRingStride)) ring->fail_all(EIO);
}

// What ran there has been killed.
void end_bodies(NodeId dead) {
  for (uint32_t i = 0; i < std::min(wire::cluster().moved_high.load(), wire::kMovedCountMax); ++i) {
    wire::Moved& m = wire::moved(i);
    if (m.state.load() == wire::MovedState::free || m.body_node.load() != dead.value) continue;
    m.wait_status.store(SIGKILL);
    set_state(m, wire::MovedState::ended);
    if (const auto bell = EventChannel::open(moved_bell_line(i))) bell->notify(wire::kBellLocal);
  }
}

} // namespace

void fence(NodeId dead, const std::vector<int>& pools) {
  wire::ClusterHeader& c = wire::cluster();
  c.nodes[dead.value].dead_since.store(time(nullptr));
  c.nodes[dead.value].state.store(wire::SpdState::dead);
  c.epoch.fetch_add(1);
  fail_rings(dead);
  end_bodies(dead);
  forget_holders(dead, pools.data());
}

} // namespace sp::spctl
