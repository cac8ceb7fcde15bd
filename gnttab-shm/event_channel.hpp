// SPDX-License-Identifier: Apache-2.0
// A node's doorbell. Many ring it, one agent waits on it. Ringing a node that is awake costs one atomic instruction at
// most and no system call; a node that sleeps is woken.
//
// Protocol: a ringer first puts its request where it belongs, then sets its bit. The consumer takes all bits, then looks
// where they point. Only the step from 0 to `sleeping` lets the consumer sleep, so a bit set before is not slept over,
// and who sets one after it sees `sleeping` and wakes.
// Death: a ringer that dies between setting its bit and waking leaves `sleeping` set, so the next ringer wakes (that is
// why a ringer never clears it, and why it may skip a bit that is set only if nobody sleeps). A dead consumer is simply
// rung in vain; its rings are failed by whoever fences it.
#pragma once
#include "gnttab-shm/bell.hpp"
#include "gnttab-shm/wait_policy.hpp"
#include "gnttab-shm/wire_event_channel.hpp"
#include "libsuperproc/base/ids.hpp"
#include "libsuperproc/base/result.hpp"

namespace sp {

constexpr uint32_t bell_bit(NodeId source) { return 1u << source.value & wire::kBellSourceMask; }

template <Bell B>
class BasicEventChannel {
public:
  BasicEventChannel() = default;

  // Makes the line ready; once, before anybody else knows it.
  static BasicEventChannel create(wire::EventChannelLine* line) {
    line->word.store(0, std::memory_order_relaxed);
    line->consumer_cpu.store(wire::kCpuUnknown, std::memory_order_relaxed);
    line->producer_cpu.store(wire::kCpuUnknown, std::memory_order_relaxed);
    line->wake_count.store(0, std::memory_order_relaxed);
    line->sleep_count.store(0, std::memory_order_relaxed);
    line->magic = wire::kEventChannelMagic;
    return BasicEventChannel(line);
  }
  static Result<BasicEventChannel> open(wire::EventChannelLine* line) {
    if (line->magic != wire::kEventChannelMagic) return fail(EPROTO);
    return BasicEventChannel(line);
  }

  enum class Rung { awake, woken };

  // Called by anybody, in a signal handler too. `bits`: bell_bit(source) or kBellLocal.
  Rung notify(uint32_t bits) const {
    const uint32_t cpu = current_cpu();
    if (line_->producer_cpu.load(std::memory_order_relaxed) != cpu)
      line_->producer_cpu.store(cpu, std::memory_order_relaxed);
    // The request was published with a locked instruction, so this load cannot overtake it: if the bit is still set
    // here, the consumer has yet to take it, and will then see the request.
    const uint32_t seen = line_->word.load(std::memory_order_seq_cst);
    if ((seen & bits) == bits && !(seen & wire::kBellSleeping)) return Rung::awake;
    if (!(line_->word.fetch_or(bits, std::memory_order_seq_cst) & wire::kBellSleeping)) return Rung::awake;
    line_->wake_count.fetch_add(1, std::memory_order_relaxed);
    B::wake(futex_word(), 1);
    return Rung::woken;
  }

  // The consumer's: what was rung since the last time, without waiting. 0: nothing.
  uint32_t collect() const {
    if (line_->word.load(std::memory_order_relaxed) == 0) return 0;
    return line_->word.exchange(0, std::memory_order_seq_cst) & ~wire::kBellSleeping;
  }

  // The consumer's: waits until somebody rings. Errors: EINTR, ETIMEDOUT (timeout_ns counts the sleep only).
  Result<uint32_t> wait(const WaitPolicy& policy, int64_t timeout_ns = -1) const {
    publish_cpu();
    Patience patience(policy, line_->producer_cpu.load(std::memory_order_relaxed));
    for (;;) {
      if (const uint32_t bits = collect()) return bits;
      if (patience.pass() == Patience::Next::look_again) continue;
      const long slept = sleep(timeout_ns);
      publish_cpu();
      if (const uint32_t bits = collect()) return bits;
      if (slept == -EINTR || slept == -ETIMEDOUT || slept == -ENOSYS) return fail(static_cast<int>(-slept));
    }
  }

  uint32_t consumer_cpu() const { return line_->consumer_cpu.load(std::memory_order_relaxed); }
  uint64_t wake_count() const { return line_->wake_count.load(std::memory_order_relaxed); }
  uint64_t sleep_count() const { return line_->sleep_count.load(std::memory_order_relaxed); }

private:
  explicit BasicEventChannel(wire::EventChannelLine* line) : line_(line) {}

  const volatile uint32_t* futex_word() const { return reinterpret_cast<const volatile uint32_t*>(&line_->word); }

  void publish_cpu() const {
    const uint32_t cpu = current_cpu();
    if (line_->consumer_cpu.load(std::memory_order_relaxed) != cpu)
      line_->consumer_cpu.store(cpu, std::memory_order_relaxed);
  }

  long sleep(int64_t timeout_ns) const {
    uint32_t nobody_rang = 0;
    if (!line_->word.compare_exchange_strong(nobody_rang, wire::kBellSleeping, std::memory_order_seq_cst) &&
        nobody_rang != wire::kBellSleeping)
      return -EAGAIN;
    line_->sleep_count.fetch_add(1, std::memory_order_relaxed);
    return B::sleep(futex_word(), wire::kBellSleeping, timeout_ns);
  }

  wire::EventChannelLine* line_ = nullptr;
};

using EventChannel = BasicEventChannel<FutexBell>;

} // namespace sp
