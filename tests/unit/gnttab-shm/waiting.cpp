// SPDX-License-Identifier: Apache-2.0
// Doorbell and wait policy: who sleeps when, who is woken, what needs the kernel.
#include <csignal>
#include <thread>

#include "tests/unit/gnttab-shm/ring_memory.hpp"

using namespace sp;
using namespace sp::test;

TEST_CASE("ringing a node that is awake does not wake anybody") {
  RingMemory m(4);
  for (int i = 0; i < 100; ++i) CHECK(m.channel.notify(bell_bit({0})) == EventChannel::Rung::awake);
  CHECK(m.channel.wake_count() == 0);
  CHECK(m.channel.wait(WaitPolicy{}, [] { return true; }).has_value());
  CHECK(m.channel.sleep_count() == 0);
}

TEST_CASE("a consumer without traffic sleeps, and is woken") {
  RingMemory m(4);
  std::thread consumer([&] {
    CHECK(m.channel.wait(WaitPolicy{}, [&] { return !m.ring.empty(); }).has_value());
    CHECK(m.ring.take().has_value());
  });
  while (m.channel.sleep_count() == 0) usleep(1000);
  usleep(20000); // asleep by now
  CHECK(m.ring.submit(request(1), self()).has_value());
  CHECK(m.channel.notify(bell_bit({0})) == EventChannel::Rung::woken);
  consumer.join();
  CHECK(m.channel.wake_count() == 1);
  CHECK(m.channel.notify(bell_bit({0})) == EventChannel::Rung::awake);
}

TEST_CASE("an idle wait ends with its limit and uses hardly any processor time") {
  RingMemory m(4);
  timespec before, after;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  const auto waited = m.channel.wait(
      WaitPolicy::from_cycles_per_us(measure_cycles_per_us()), [] { return false; }, 200'000'000);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
  CHECK(waited.error().value == ETIMEDOUT);
  const int64_t used_ns = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
  CHECK(used_ns < 20'000'000); // of 200 ms; the spin is 0.1 ms
}

TEST_CASE("a local ring is told once and ends a sleep that is about to begin") {
  RingMemory m(4);
  CHECK(m.channel.notify(wire::kBellLocal) == EventChannel::Rung::awake);
  CHECK(m.channel.local_rung());
  CHECK(m.channel.wait(WaitPolicy::sleep_at_once(), [&] { return m.channel.local_rung(); }).has_value());
  CHECK(m.channel.collect_local());
  CHECK_FALSE(m.channel.collect_local());
}

TEST_CASE("a request that comes just after the consumer looked is not slept over, whichever look it was") {
  constexpr int kLooksAwake = 8; // with this policy; the next look is the one after announcing the sleep
  for (int look_before = 0; look_before <= kLooksAwake; ++look_before) {
    CAPTURE(look_before);
    RingMemory m(4);
    int look = 0;
    const auto ready = [&] {
      const bool seen = !m.ring.empty();
      if (look++ == look_before) {
        CHECK(m.ring.submit(request(1), self()).has_value());
        const auto rung = m.channel.notify(bell_bit({0}));
        CHECK(rung == (look_before < kLooksAwake ? EventChannel::Rung::awake : EventChannel::Rung::woken));
      }
      return seen;
    };
    const uint64_t start = sys::cycles();
    CHECK(m.channel.wait(WaitPolicy::sleep_at_once(), ready, 10'000'000'000).has_value());
    CHECK(sys::cycles() - start < 5'000'000 * measure_cycles_per_us()); // a lost doorbell takes 10 s
  }
}

TEST_CASE("no request is slept over: both sides sleep at every chance") {
  RingMemory m(4);
  constexpr uint64_t kCount = 5000;
  std::thread consumer([&] {
    for (uint64_t i = 0; i < kCount; ++i) {
      if (!m.channel.wait(WaitPolicy::sleep_at_once(), [&] { return !m.ring.empty(); })) --i;
      while (auto taken = m.ring.take())
        m.ring.complete(taken->ticket, static_cast<int64_t>(taken->request.arguments[0]));
      if (m.ring.header().taken_count.load() == kCount) break;
    }
  });
  uint64_t good = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    const auto ticket = m.ring.submit(request(1, i), self());
    m.channel.notify(bell_bit({0}));
    good += m.ring.wait(*ticket, {WaitPolicy::sleep_at_once(), wire::kCpuUnknown, -1}) == static_cast<int64_t>(i);
  }
  consumer.join();
  CHECK(good == kCount);
}

TEST_CASE("a peer on the same core is yielded to, a few times") {
  cpu_set_t before, one;
  sched_getaffinity(0, sizeof before, &before);
  const uint32_t here = current_cpu();
  CPU_ZERO(&one);
  CPU_SET(here, &one);
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  CHECK(current_cpu() == here);
  CHECK(static_cast<int>(here) == sched_getcpu());
  const auto looks = [here](uint64_t contended_cycles) {
    WaitPolicy policy;
    policy.contended_cycles = contended_cycles;
    Patience patience(policy, here);
    uint32_t looked = 0;
    while (patience.pass() == Patience::Next::look_again) ++looked;
    return looked;
  };
  CHECK(looks(~0ull) == kSameCoreYieldCount);
  CHECK(looks(0) == kContendedYieldCountMax); // each yield has let others run
  sched_setaffinity(0, sizeof before, &before);
}

TEST_CASE("a peer elsewhere is spun for, at most as long as the budget says, then slept for") {
  const uint64_t cycles_per_us = measure_cycles_per_us();
  CHECK(cycles_per_us > 100);
  CHECK(cycles_per_us < 20000);
  const WaitPolicy policy = WaitPolicy::from_cycles_per_us(cycles_per_us);
  Patience patience(policy, wire::kCpuUnknown);
  const uint64_t start = sys::cycles();
  uint32_t looked = 0;
  while (patience.pass() == Patience::Next::look_again) ++looked;
  CHECK(looked > 50);
  CHECK(sys::cycles() - start < 1000 * policy.spin_cycles); // it ends; how soon is the scheduler's business, too
}
