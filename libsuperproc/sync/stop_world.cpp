// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/sync/stop_world.hpp"

#include <new>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/lock.hpp"
#include "libsuperproc/cluster/thread_signal.hpp"
#include "libsuperproc/sync/sealing.hpp"

namespace sp {

namespace {

struct StopTable {
  Lock world;
  std::atomic<uint32_t> round;   // odd while stopped; futex word of those who stopped
  std::atomic<uint32_t> stopped; // futex word of the stopper: changes with each thread that stops
  uint64_t began, ended;         // cycles, of the last stop; under the lock
};
StopTable& stop_table() { return *reinterpret_cast<StopTable*>(wire::kProcessTable + 64 * 1024); }

const volatile uint32_t* word(const std::atomic<uint32_t>& w) { return reinterpret_cast<const volatile uint32_t*>(&w); }

constexpr uint32_t kNeedNotStop = wire::kThreadWaitsForVfork | wire::kThreadOutOfReach | wire::kThreadExecs;
constexpr uint64_t kMark = 0x70757320706f7473; // no program's sigqueue carries it

void send_stop(wire::ThreadRecord& record) {
  uint32_t seen = record.flags.load();
  do
    if (seen & wire::kThreadExecs) return;
  while (!record.flags.compare_exchange_weak(seen, seen | wire::kThreadIsSentStop));
  siginfo_t info{};
  info.si_signo = SIGSYS;
  info.si_code = SI_QUEUE;
  info.si_value.sival_ptr = pointer_to<void>(kMark);
  send_to_thread({record.node.load()}, record.tid.load(), SIGSYS, info);
  record.flags.fetch_and(~wire::kThreadIsSentStop);
}

// Sends to those that still run; returns how many threads are not stopped yet. The caller may be a borrower, whose record
// is another thread's.
uint32_t running_count(uint32_t round, bool send) {
  uint32_t count = 0;
  const auto self = static_cast<int32_t>(sys::call(SYS_gettid));
  const uint32_t high = control().thread_high.load();
  for (uint32_t i = 0; i < high; ++i) {
    wire::ThreadRecord& record = control().threads[i];
    const wire::ThreadState state = record.state.load();
    if (state == wire::ThreadState::free || record.tid.load() == self) continue;
    if (record.flags.load() & kNeedNotStop) continue;
    if (state == wire::ThreadState::running) {
      if (record.stop_word.load() == round) continue;
      if (send) send_stop(record);
    }
    ++count;
  }
  return count;
}

// Threads that fork all the time would let no other run a single instruction: between two stops the world has a quarter of
// the time that the last one took.
void let_world_run(const StopTable& table) {
  constexpr uint64_t kShare = 4, kCyclesMax = 2'500'000;
  const uint64_t share = (table.ended - table.began) / kShare, least = share < kCyclesMax ? share : kCyclesMax;
  while (sys::cycles() - table.ended < least) sys::call(SYS_sched_yield);
}

} // namespace

bool is_stop_signal(const siginfo_t* info) {
  return info->si_code == SI_QUEUE && address_of(info->si_value.sival_ptr) == kMark;
}

void stop_here() {
  StopTable& table = stop_table();
  for (uint32_t round; (round = table.round.load()) & 1;) {
    if (thread_self.record) thread_self.record->stop_word.store(round);
    table.stopped.fetch_add(1);
    wake_on(word(table.stopped), 1);
    while (table.round.load() == round) sleep_on(word(table.round), round);
  }
  arm_unless_sealed();
}

uint32_t stop_round() { return stop_table().round.load(); }

void forget_stop() { new (&stop_table()) StopTable{}; }

OutOfReach::OutOfReach(std::atomic<uint32_t>& awaited) : round_(stop_round()) {
  if (thread_self.record) thread_self.record->flags.fetch_or(wire::kThreadOutOfReach);
  critical_state.awaited = reinterpret_cast<uint32_t*>(&awaited);
}

OutOfReach::~OutOfReach() {
  if (thread_self.record) thread_self.record->flags.fetch_and(~wire::kThreadOutOfReach);
  if (stop_round() != round_) stop_here();
  critical_state.awaited = nullptr;
}

NotStopped::NotStopped() {
  std::atomic<uint32_t>& flags = thread_self.record->flags;
  flags.fetch_or(wire::kThreadExecs);
  while (flags.load() & wire::kThreadIsSentStop) sys::call(SYS_sched_yield);
  sys::call(SYS_gettid); // takes one that was sent
}

NotStopped::~NotStopped() { come_within_reach(); }

void come_within_reach() {
  if (!thread_self.record || !(thread_self.record->flags.load() & wire::kThreadExecs)) return;
  thread_self.record->flags.fetch_and(~wire::kThreadExecs);
  stop_here();
}

WorldStopped::WorldStopped() {
  StopTable& table = stop_table();
  // Somebody else may be stopping the world, this thread included.
  while (!table.world.try_acquire()) {
    stop_here();
    sys::call(SYS_sched_yield);
  }
  let_world_run(table);
  table.began = sys::cycles();
  const uint32_t round = table.round.fetch_add(1) + 1;
  constexpr int64_t kLookAgainNs = 1'000'000;
  for (bool first = true;; first = false) {
    const uint32_t seen = table.stopped.load();
    if (running_count(round, first) == 0) return;
    if (sleep_on(word(table.stopped), seen, kLookAgainNs) == -ETIMEDOUT) running_count(round, true);
  }
}

WorldStopped::~WorldStopped() {
  StopTable& table = stop_table();
  table.ended = sys::cycles();
  table.round.fetch_add(1);
  wake_on(word(table.round), 0x7fffffff);
  table.world.release();
}

} // namespace sp
