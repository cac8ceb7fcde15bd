// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/cluster/ask.hpp"

#include "libsuperproc/base/critical.hpp"

namespace sp {

namespace {

constexpr uint32_t kSlotCount = 128;
constexpr uint64_t kRingStride = 32 << 10;
constexpr uint64_t kFirstRing = 4096;
static_assert(wire::ring_bytes(kSlotCount) <= kRingStride);
static_assert(kFirstRing + kNodeCountMax * kRingStride <= wire::kQueueBytes);

uint64_t queue_of(NodeId target) { return wire::kQueueTable + target.value * wire::kQueueBytes; }
void* ring_memory(NodeId source, NodeId target) {
  return pointer_to<void>(queue_of(target) + kFirstRing + source.value * kRingStride);
}
Result<Ring> ring(NodeId source, NodeId target) { return Ring::open(ring_memory(source, target), kRingStride); }
wire::EventChannelLine* bell_line(NodeId target) { return pointer_to<wire::EventChannelLine>(queue_of(target)); }

// An agent dies with its resident only, and then the whole SubProcess ends. Who is left all the same, such as a process
// that borrowed its memory, would wait for ever.
void end_if_orphaned(NodeId node) {
  const int32_t process = node_record(node).host_pid.load(), agent = node_record(node).agent_tid.load();
  if (sys::call(SYS_tgkill, process, agent, 0) == -ESRCH) sys::call(SYS_kill, sys::call(SYS_getpid), 9 /*SIGKILL*/);
}

Result<long> ask_once(NodeId node, const Request& request) {
  TRY(const Ring to, ring(this_node(), node));
  TRY(const EventChannel bell, EventChannel::open(bell_line(node)));
  node_record(this_node()).requests_sent.fetch_add(1, std::memory_order_relaxed);
  NodeLink link(to, bell, WaitPolicy{});
  TRY(const Ticket ticket, link.start(request, own_tid()));
  for (;;) {
    constexpr int64_t kLookAgainNs = 500'000'000;
    const Result<int64_t> result = link.ring().wait(ticket, {WaitPolicy{}, bell.consumer_cpu(), kLookAgainNs});
    if (result) return *result;
    if (result.error().value != ETIMEDOUT) return fail(result.error().value);
    end_if_orphaned(node);
  }
}

} // namespace

long ask_node(NodeId node, const Request& request) {
  const Critical until_answered;
  const Result<long> result = ask_once(node, request);
  return result ? *result : -result.error().value;
}

long ask_node_and_wait(NodeId node, const Request& request) {
  const Result<long> result = ask_once(node, request);
  return result ? *result : -result.error().value;
}

long ask_others_to_call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
  long first_failure = 0;
  for_other_nodes([&](NodeId node) {
    const long result = ask(node, Operation::kernel_call, number, a, b, c, d, e, f);
    if (sys::failed(result) && first_failure == 0) first_failure = result;
  });
  return first_failure;
}

void format_queues() {
  for (uint32_t t = 0; t < node_count(); ++t) {
    EventChannel::create(bell_line({t}));
    for (uint32_t s = 0; s < node_count(); ++s)
      ENSURE(Ring::create(ring_memory({s}, {t}), kRingStride, {s}, {t}, kSlotCount));
  }
}

namespace {
bool anything_for(NodeId self) {
  for (uint32_t s = 0; s < node_count(); ++s)
    if (const Result<Ring> from = ring({s}, self); from && !from->empty()) return true;
  return false;
}
} // namespace

Received receive(NodeId self) {
  const Result<EventChannel> bell = EventChannel::open(bell_line(self));
  ENSURE(bell);
  for (;;) {
    for (uint32_t s = 0; s < node_count(); ++s) {
      Result<Ring> from = ring({s}, self);
      if (!from || from->empty()) continue;
      if (auto taken = from->take()) return {{s}, *taken};
    }
    (void)bell->wait(WaitPolicy{}, [&] { return anything_for(self); });
  }
}

void answer(NodeId self, const Received& received, long result) {
  Result<Ring> from = ring(received.source, self);
  if (from) from->complete(received.taken.ticket, result);
  node_record(self).requests_served.fetch_add(1, std::memory_order_relaxed);
}

} // namespace sp
