// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/futex_wait.hpp"

#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/signal/delivery.hpp"
#include "libsuperproc/sync/stop_world.hpp"

namespace sp {

namespace {

struct Ended {
  long result;
  bool again; // if it was interrupted: no handler speaks against it
};

uint32_t own_waiter() { return index_of(*thread_self.record); }
std::atomic<uint32_t>& own_bell_word() { return waiter_table().waiters[own_waiter()].bell.word; }
bool has_waiter() { return thread_self.record && !is_borrower(); }

bool may_begin_again() { return !critical_state.put_off || put_off_restarts(); }

Ended wait_once(FutexValue value, uint32_t bitset, const Deadline& deadline) {
  WaiterHash hash = own_hash();
  const uint32_t self = own_waiter();
  const EventChannel bell = hash.bell_of(self);
  const OutOfReach asleep(own_bell_word());
  Result<> result = hash.enqueue(self, value, bitset, self);
  if (result) {
    result = sleep_until(bell, deadline, [&] { return hash.is_woken(self); });
    if (hash.leave(self)) result = {};
  }
  return {result ? 0 : -result.error().value, may_begin_again()};
}

// ---- several ----

class Spares {
public:
  Spares(WaiterHash& hash, uint32_t count) : hash_(hash) {
    for (; count_ < count; ++count_) {
      const Result<uint32_t> spare = hash.take_spare();
      if (!spare) return;
      waiters_[count_] = *spare;
    }
  }
  Spares(const Spares&) = delete;
  ~Spares() {
    for (uint32_t i = 0; i < count_; ++i) hash_.give_back(waiters_[i]);
  }
  uint32_t count() const { return count_; }
  uint32_t operator[](uint32_t i) const { return waiters_[i]; }

private:
  WaiterHash& hash_;
  uint32_t count_ = 0;
  uint32_t waiters_[kAnyFutexMax];
};

Ended wait_for_any_once(const FutexValue* values, uint32_t count, const Deadline& deadline) {
  WaiterHash hash = own_hash();
  const uint32_t self = own_waiter();
  const EventChannel bell = hash.bell_of(self);
  const OutOfReach asleep(own_bell_word());
  const Spares spares(hash, count);
  if (spares.count() < count) return {-ENOMEM, false};
  Result<> result;
  uint32_t queued = 0;
  while (queued < count && (result = hash.enqueue(spares[queued], values[queued], ~0u, self))) ++queued;
  const auto any_woken = [&] {
    for (uint32_t i = 0; i < queued; ++i)
      if (hash.is_woken(spares[i])) return true;
    return false;
  };
  if (result) result = sleep_until(bell, deadline, any_woken);
  long woken = result ? 0 : -result.error().value;
  for (uint32_t i = 0; i < queued; ++i)
    if (hash.leave(spares[i])) woken = i;
  return {woken, may_begin_again()};
}

template <class Once>
long wait_by_rule(Once once, Interrupted rule) {
  for (;;) {
    const uint32_t delivered = delivered_count();
    const Ended ended = once();
    if (ended.result != -EINTR) return ended.result;
    const bool unseen = delivered == delivered_count(); // a stop of the world, or somebody else took the signal
    if (!unseen && (rule == Interrupted::ends || !ended.again)) return -EINTR;
  }
}

} // namespace

long wait_for_futex(FutexValue value, uint32_t bitset, const Deadline& deadline, Interrupted rule) {
  if (!has_waiter()) return sleep_as_guest(value, bitset, deadline);
  return wait_by_rule([&] { return wait_once(value, bitset, deadline); }, rule);
}

long wait_for_any_futex(const FutexValue* values, uint32_t count, const Deadline& deadline) {
  return wait_by_rule([&] { return wait_for_any_once(values, count, deadline); }, Interrupted::restarts);
}

} // namespace sp
