// SPDX-License-Identifier: Apache-2.0
// A node's doorbell. Many ring it, one agent waits on it. Ringing a node that is awake only reads the line, which stays
// in both processors' caches, and makes no system call; a node that sleeps is woken.
//
// Protocol: a ringer first publishes its request with a locked instruction, then looks at the word. The consumer,
// before it sleeps, first sets `sleeping` with a locked instruction, then looks at its rings once more. So either the
// ringer sees `sleeping`, or the consumer sees the request. While awake the consumer looks at its rings themselves.
// Death: a ringer that dies before waking leaves `sleeping` set (only the consumer clears it), so the next ringer
// wakes. A dead consumer is simply rung in vain; its rings are failed by whoever fences it.
#pragma once
#include "gnttab-shm/node_bell.hpp"
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
    uint32_t seen = line_->word.load(std::memory_order_seq_cst);
    if (!(seen & wire::kBellSleeping) && !(bits & wire::kBellLocal)) return Rung::awake;
    // The bit makes a sleep that is just about to begin fail.
    seen = line_->word.fetch_or(bits, std::memory_order_seq_cst);
    if (!(seen & wire::kBellSleeping)) return Rung::awake;
    line_->wake_count.fetch_add(1, std::memory_order_relaxed);
    B::wake(futex_word(), 1);
    return Rung::woken;
  }

  // The consumer's: true if somebody rang kBellLocal since the last time.
  bool collect_local() const {
    if (line_->word.load(std::memory_order_relaxed) == 0) return false;
    return line_->word.exchange(0, std::memory_order_seq_cst) & wire::kBellLocal;
  }

  // The consumer's: waits until `ready()` says that there is something to do.
  // Errors: EINTR, ETIMEDOUT (timeout_ns counts the sleep only).
  template <class Ready>
  Result<void> wait(const WaitPolicy& policy, Ready&& ready, int64_t timeout_ns = -1) const {
    publish_cpu();
    Patience patience(policy, line_->producer_cpu.load(std::memory_order_relaxed));
    for (;;) {
      if (ready()) return {};
      if (patience.pass() == Patience::Next::look_again) continue;
      line_->word.fetch_or(wire::kBellSleeping, std::memory_order_seq_cst);
      const long slept = ready() ? 0 : sleep(timeout_ns);
      line_->word.fetch_and(wire::kBellLocal, std::memory_order_seq_cst);
      publish_cpu();
      if (ready()) return {};
      if (slept == -EINTR || slept == -ETIMEDOUT || slept == -ENOSYS) return fail(static_cast<int>(-slept));
    }
  }
  bool local_rung() const { return line_->word.load(std::memory_order_relaxed) & wire::kBellLocal; }

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
    line_->sleep_count.fetch_add(1, std::memory_order_relaxed);
    return B::sleep(futex_word(), wire::kBellSleeping, timeout_ns);
  }

  wire::EventChannelLine* line_ = nullptr;
};

using EventChannel = BasicEventChannel<NodeBell>;

} // namespace sp
