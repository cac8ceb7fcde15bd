// SPDX-License-Identifier: Apache-2.0
// How long to wait awake, and how, before going to sleep.
//
// - The peer runs on another core: spin, since an answer through a shared cache line takes 0.3 us and a futex wake-up
//   about 30 us. Spin longer than one wake-up: with a shorter budget the pair is bistable. As soon as both sides sleep
//   once, each finds the other asleep for longer than it is ready to wait, sleeps again, and every message from then on
//   pays the full wake-up although both would be fast if they were awake. A budget of several wake-ups lets the pair
//   fall back into the fast state by itself.
// - The peer runs on this core: spinning only keeps it from running. Yield, a few times, then sleep; sooner when others
//   run on this core, too, because a thread that yields has to wait for them, and one that is woken has not.
// - Nothing comes: sleep. A node without traffic uses no processor time.
// - Spinning must not take a core from threads that have work. Every few microseconds the spinner yields; when that
//   takes long, somebody else wanted the core, and after two such yields the spinner sleeps.
#pragma once
#include <cstdint>

#include "gnttab-shm/wire_event_channel.hpp"
#include "libsuperproc/base/sys.hpp"

namespace sp {

inline constexpr uint64_t kWakeUpNs = 30'000;          // one futex wake-up across cores, measured on virtual machines
inline constexpr uint64_t kSpinNs = 100'000;           // a little more than three of them: sleep, wake, answer
inline constexpr uint64_t kYieldEveryNs = 8'000;       // how long a spinner may keep a core that others want
inline constexpr uint64_t kContendedYieldNs = 5'000;   // a yield that took longer has let somebody else run
inline constexpr uint32_t kContendedYieldCountMax = 2; // of those in one wait, then sleep
inline constexpr uint32_t kSameCoreYieldCount = 10;    // ping-pong by yielding costs 1.7 us, by sleeping 2.6 us
inline constexpr uint64_t kCyclesPerUsDefault = 2500;
static_assert(kSpinNs > 2 * kWakeUpNs, "a shorter budget is bistable");

struct WaitPolicy {
  uint64_t spin_cycles = kSpinNs * kCyclesPerUsDefault / 1000;
  uint64_t yield_every_cycles = kYieldEveryNs * kCyclesPerUsDefault / 1000;
  uint64_t contended_cycles = kContendedYieldNs * kCyclesPerUsDefault / 1000;
  uint32_t same_core_yield_count = kSameCoreYieldCount;

  static constexpr WaitPolicy from_cycles_per_us(uint64_t cycles_per_us) {
    return {kSpinNs * cycles_per_us / 1000, kYieldEveryNs * cycles_per_us / 1000,
            kContendedYieldNs * cycles_per_us / 1000, kSameCoreYieldCount};
  }
  // Sleep at once: for a peer that is known to take long, and for tests.
  static constexpr WaitPolicy sleep_at_once() { return {0, 0, 0, 0}; }
};

// How fast the time-stamp counter runs. Takes about 100 us; do it once.
uint64_t measure_cycles_per_us();

// The processor this thread runs on, without a system call: Linux keeps the number in the limit of a segment, as its
// vdso does for processors without RDPID. (RDTSCP tells it too, but a hypervisor may hide that instruction.)
inline uint32_t current_cpu() {
  constexpr uint32_t kCpuNodeSegment = 15 * 8 + 3;
  uint32_t limit = 0;
  asm volatile("lsl %1, %0" : "+r"(limit) : "r"(kCpuNodeSegment) : "cc");
  return limit & 0xfff;
}

// One wait. pass() waits a moment and says whether to look again or to sleep.
class Patience {
public:
  enum class Next { look_again, sleep };

  Patience(const WaitPolicy& policy, uint32_t peer_cpu) : policy_(policy), peer_cpu_(peer_cpu) { restart(); }

  void restart() {
    start_ = last_yield_ = sys::cycles();
    pass_count_ = yield_count_ = contended_count_ = 0;
    same_core_ = peer_cpu_ == current_cpu() ? Place::same_core : Place::elsewhere;
  }
  void restart(uint32_t peer_cpu) {
    peer_cpu_ = peer_cpu;
    restart();
  }

  Next pass() {
    if (same_core_ == Place::same_core) return pass_on_same_core();
    sys::pause();
    if (++pass_count_ % kPassesPerClock != 0) return Next::look_again;
    const uint64_t now = sys::cycles();
    if (now - start_ >= policy_.spin_cycles) return Next::sleep;
    if (now - last_yield_ < policy_.yield_every_cycles) return Next::look_again;
    return pass_with_yield(now);
  }

private:
  enum class Place { same_core, elsewhere };
  static constexpr uint32_t kPassesPerClock = 8; // looking at the clock costs as much as looking at the word

  Next pass_on_same_core() {
    if (yield_count_++ >= policy_.same_core_yield_count || contended_count_ >= kContendedYieldCountMax)
      return Next::sleep;
    const uint64_t before = sys::cycles();
    sys::call(SYS_sched_yield);
    if (sys::cycles() - before > policy_.contended_cycles) ++contended_count_;
    return Next::look_again;
  }

  Next pass_with_yield(uint64_t now) {
    sys::call(SYS_sched_yield);
    last_yield_ = sys::cycles();
    if (last_yield_ - now > policy_.contended_cycles && ++contended_count_ >= kContendedYieldCountMax)
      return Next::sleep;
    return Next::look_again;
  }

  WaitPolicy policy_;
  uint32_t peer_cpu_;
  Place same_core_;
  uint64_t start_, last_yield_;
  uint32_t pass_count_, yield_count_, contended_count_;
};

} // namespace sp
