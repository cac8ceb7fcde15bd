// SPDX-License-Identifier: Apache-2.0
// See node_death.hpp.
#include "spctl/node_death.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "libsuperproc/cluster/pool.hpp"
#include "libsuperproc/sync/waiter_hash.hpp"

namespace sp::spctl {
namespace {

void fail_rings(NodeId dead) {
  for (uint32_t n = 0; n < bounded_node_count(); ++n)
    for (void* memory : {node_ring_memory({n}, dead), node_ring_memory(dead, {n})})
      if (auto ring = Ring::open(memory, kNodeRingStride)) ring->fail_all(EIO);
}

// ... in the cluster's hash of futexes. Who waits for a lock whose owner was there looks again.
void forget_waiters(NodeId dead) {
  WaiterHash hash(cluster_table(), {kNodeCountMax}, 0); // of no node
  hash.forget_all(dead, 0);
  hash.ring_all();
}

// What ran there has been killed.
void end_bodies(NodeId dead) {
  for (uint32_t i = 0; i < std::min(wire::cluster().moved_high.load(), wire::kMovedCountMax); ++i) {
    wire::Moved& m = wire::moved(i);
    wire::MovedState state = m.state.load();
    if (state == wire::MovedState::free || m.body_node.load() != dead.value) continue;
    if (state == wire::MovedState::gone_home) { // the body would have freed it; its program lives on where it is
      release(m);
      continue;
    }
    m.wait_status.store(SIGKILL);
    while (state != wire::MovedState::free && state != wire::MovedState::ended)
      if (m.state.compare_exchange_weak(state, wire::MovedState::ended)) break;
    NodeBell::wake(state_word(m), 1 << 30);
    if (const auto bell = EventChannel::open(moved_bell_line(i))) bell->notify(wire::kBellLocal);
  }
}

// Their kernel has not marked their words where it went with them.
void end_residents(NodeId dead) {
  for (wire::Space& space : wire::cluster().spaces) {
    auto& word = space.residents[dead.value];
    if (word.load() == 0 || space.held[dead.value].load() == 0) continue;
    uint32_t unknown = 0;
    space.ended[dead.value].compare_exchange_strong(unknown, wire::kResidentEnded | SIGKILL);
    word.fetch_or(wire::kResidentEnded);
    for (const auto* changed : {&space.ended[dead.value], &word})
      NodeBell::wake(reinterpret_cast<const volatile uint32_t*>(changed), 1 << 30);
  }
}

} // namespace

void fence(NodeId dead, const std::vector<int>& pools) {
  wire::ClusterHeader& c = wire::cluster();
  c.nodes[dead.value].dead_since.store(time(nullptr));
  c.nodes[dead.value].state.store(wire::SpdState::dead);
  c.epoch.fetch_add(1);
  fail_rings(dead);
  forget_waiters(dead);
  end_bodies(dead);
  end_residents(dead);
  forget_holders(dead, pools.data());
}

} // namespace sp::spctl
