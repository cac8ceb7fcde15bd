// SPDX-License-Identifier: Apache-2.0
// Requests from any process of a node to the spd of any node, its own included, through the cluster segment: for each
// node a doorbell and a ring from every node. Threads ask; the node's spd takes (spd/agent.cpp).
#pragma once
#include "gnttab-shm/node_link.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace sp {

inline constexpr uint32_t kNodeSlotCount = 128;
inline constexpr uint64_t kNodeRingStride = 32 << 10;
inline constexpr uint64_t kNodeFirstRing = 4096;
static_assert(wire::ring_bytes(kNodeSlotCount) <= kNodeRingStride);
static_assert(kNodeFirstRing + kNodeCountMax * kNodeRingStride <= wire::kClusterQueueBytes);

inline uint64_t node_queue_address(NodeId target) {
  return wire::kClusterQueues + target.value * wire::kClusterQueueBytes;
}
inline void* node_ring_memory(NodeId source, NodeId target) {
  return reinterpret_cast<void*>(node_queue_address(target) + kNodeFirstRing + source.value * kNodeRingStride);
}
inline wire::EventChannelLine* node_bell_line(NodeId target) {
  return reinterpret_cast<wire::EventChannelLine*>(node_queue_address(target));
}

// Of the cluster, whatever its header says by now.
inline uint32_t bounded_node_count() {
  const uint32_t count = static_cast<const volatile uint32_t&>(wire::cluster().node_count);
  return count == 0 ? 1 : count < kNodeCountMax ? count : kNodeCountMax;
}

// What the spd of `target` has been asked, and will answer with what may be a negative errno. Errors: the ring's.
class AskedSpd {
public:
  template <class... A>
  static Result<AskedSpd> ask(NodeId source, NodeId target, HostTid self, wire::NodeOperation operation,
                              A... arguments) {
    if (source.value >= kNodeCountMax || target.value >= kNodeCountMax) return fail(EINVAL); // read from shared memory
    TRY(const Ring ring, Ring::open(node_ring_memory(source, target), kNodeRingStride));
    TRY(const EventChannel bell, EventChannel::open(node_bell_line(target)));
    AskedSpd asked(NodeLink(ring, bell, WaitPolicy{}));
    TRY(asked.ticket_,
        asked.link_.start(
            Request{static_cast<uint32_t>(operation), 0, 0, {static_cast<uint64_t>(sys::arg(arguments))...}}, self));
    return asked;
  }
  Result<int64_t> answer() { return link_.finish(ticket_); } // waits, once

private:
  explicit AskedSpd(NodeLink link) : link_(link) {}
  NodeLink link_;
  Ticket ticket_{};
};

template <class... A>
Result<int64_t> ask_spd(NodeId source, NodeId target, HostTid self, wire::NodeOperation operation, A... arguments) {
  TRY(AskedSpd asked, AskedSpd::ask(source, target, self, operation, arguments...));
  return asked.answer();
}

// The ring from a body to its shadow, and the shadow's doorbell.
inline void* moved_ring_memory(uint32_t record) {
  return reinterpret_cast<void*>(wire::kMovedBase + record * wire::kMovedBytes + wire::kMovedRing);
}
inline constexpr uint64_t kMovedRingBytes = wire::kMovedTransfer - wire::kMovedRing;
static_assert(wire::ring_bytes(wire::kMovedSlotCount) <= kMovedRingBytes);
static_assert(sizeof(wire::Moved::bell) == sizeof(wire::EventChannelLine));
inline wire::EventChannelLine* moved_bell_line(uint32_t record) {
  return reinterpret_cast<wire::EventChannelLine*>(&wire::moved(record).bell);
}

inline const volatile uint32_t* state_word(const wire::Moved& m) {
  return reinterpret_cast<const volatile uint32_t*>(&m.state);
}
inline const volatile uint32_t* arrival_word(const wire::Moved& m) {
  return reinterpret_cast<const volatile uint32_t*>(&m.arrival);
}
inline const volatile uint32_t* begins_word(const wire::Moved& m) {
  return reinterpret_cast<const volatile uint32_t*>(&m.begins);
}
inline void set_state(wire::Moved& m, wire::MovedState state) {
  m.state.store(state);
  NodeBell::wake(state_word(m), 1 << 30);
}
// Whoever watches a process for the sake of this use of the record is told first that it is over: the next use may begin
// at once, and must not be taken for this one.
inline void release(wire::Moved& m) {
  m.use.fetch_add(1);
  m.pid.store(0), m.shadow_pid.store(0);
  set_state(m, wire::MovedState::free);
}

} // namespace sp
