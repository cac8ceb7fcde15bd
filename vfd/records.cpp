// SPDX-License-Identifier: Apache-2.0
#include "vfd/body.hpp"

namespace sp::vfd {

constinit Membership membership{false, {0}, kNoRecord};

uint32_t claim_record(NodeId body_node, NodeId shadow_node) {
  for (uint32_t i = 0; i < wire::moved_count(); ++i) {
    wire::Moved& m = wire::moved(i);
    wire::MovedState free = wire::MovedState::free;
    if (!m.state.compare_exchange_strong(free, wire::MovedState::claimed)) continue;
    m.use.fetch_add(1);
    uint32_t high = wire::cluster().moved_high.load();
    while (high <= i && !wire::cluster().moved_high.compare_exchange_weak(high, i + 1)) {
    }
    m.claimant.store(static_cast<int32_t>(sys::call(SYS_getpid)));
    m.claimant_node.store(membership.node.value);
    m.body_node.store(body_node.value);
    m.shadow_node.store(shadow_node.value);
    m.wait_status.store(0), m.stopped_by.store(0), m.transfer_used.store(0), m.fresh.store(0), m.arrival.store(0);
    m.supervised.store(0), m.has_shim.store(1), m.listener.store(0), m.undoes.store(0), m.pokes.store(0);
    m.departure = {};
    for (auto& ends : m.pipe_ends)
      for (auto& end : ends) end.store(0, std::memory_order_relaxed);
    EventChannel::create(moved_bell_line(i));
    if (Ring::create(moved_ring_memory(i), kMovedRingBytes, body_node, shadow_node, wire::kMovedSlotCount)) return i;
    release(m);
  }
  return kNoRecord;
}

} // namespace sp::vfd
