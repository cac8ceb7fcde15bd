// SPDX-License-Identifier: Apache-2.0
// Who has to wait for a ring's other end, and who wakes it.
#include <cerrno>
#include <poll.h>

#include "vfd/pending_call.hpp"
#include "vfd/pipe_turn.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::vfd {

namespace {
constexpr int64_t kNapNs = 20'000'000; // then the kernel is the better place to wait
}

bool PipeTurn::is_over(uint32_t least) const {
  const wire::PipeWord word = load();
  return !is_ring(word) || possible(word) >= least;
}

PipeTurn::Waited PipeTurn::wait(uint32_t least) {
  if (!spin([&] { return is_over(least); })) return sleep(least);
  return is_ring(load()) ? Waited::ready : Waited::kernel;
}

// Poked by the peer, or by the end of the witness's poll, which has nothing to say but that the other end is closed.
PipeTurn::Waited PipeTurn::sleep(uint32_t least) {
  const uint64_t self = static_cast<uint64_t>(own_record() + 1) << 32 | static_cast<uint32_t>(own_tid().value);
  own_sleep().store(self);
  long near = 0;
  if (!is_over(least)) {
    pause_at(wire::Step::pipe_waits);
    Transfer transfer;
    pollfd witness{static_cast<int>(descriptor_), 0, 0};
    PendingCall far;
    far.also_until(own_sleep(), self);
    if (far.start(SYS_poll, transfer.put(&witness, sizeof witness), 1, -1) == 0) {
      near = far.wait_here(nullptr, 0, kNapNs, nullptr);
      (void)far.finish();
    }
  }
  own_sleep().store(0);
  if (is_over(least)) return is_ring(load()) ? Waited::ready : Waited::kernel;
  return near == -EINTR ? Waited::interrupted : Waited::kernel;
}

void PipeTurn::poke_peer() {
  if (peer_sleep().load() == 0) return;
  const uint64_t who = peer_sleep().exchange(0), index = (who >> 32) - 1;
  if (who == 0 || index >= wire::moved_count()) return;
  const NodeId to{wire::moved(static_cast<uint32_t>(index)).body_node.load()};
  if (to.value >= kNodeCountMax) return;
  const Result<Ring> ring = Ring::open(node_ring_memory(membership.node, to), kNodeRingStride);
  const Result<EventChannel> bell = EventChannel::open(node_bell_line(to));
  if (!ring || !bell) return;
  const Request request{static_cast<uint32_t>(wire::NodeOperation::poke_body), 0, 0, {index, who & ~0u}};
  (void)Ring(*ring).submit(request, own_tid(), Ring::Reply::none); // full: the sleeper will look by itself
  bell->notify(bell_bit(membership.node));
}

} // namespace sp::vfd
