// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/futex_wait.hpp"

#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/signal/delivery.hpp"
#include "libsuperproc/sync/stop_world.hpp"

namespace sp {

namespace {

uint32_t own_waiter() { return index_of(*thread_self.record); }

Ended wait_once(FutexValue value, uint32_t bitset, const Deadline& deadline) {
  WaiterHash hash = own_hash();
  const uint32_t self = own_waiter();
  const OutOfReach asleep(hash.bell_word(self));
  return ended(sleep_in(hash, self, value, bitset, deadline));
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
  uint32_t waiters_[kAnyFutexMax]{};
};

// Sleeps on the first one's bell.
long wait_for_any_once(WaiterHash& hash, const Spares& spares, const FutexValue* values, const Deadline& deadline) {
  const EventChannel bell = hash.bell_of(spares[0]);
  Result<> result;
  uint32_t queued = 0;
  const auto enqueue = [&] { return hash.enqueue(spares[queued], values[queued], ~0u, spares[0]); };
  while (queued < spares.count() && (result = without_handlers(enqueue))) ++queued;
  const auto any_woken = [&] {
    for (uint32_t i = 0; i < queued; ++i)
      if (hash.is_woken(spares[i])) return true;
    return false;
  };
  if (result) result = sleep_until(bell, deadline, any_woken);
  long woken = result ? 0 : -result.error().value;
  for (uint32_t i = 0; i < queued; ++i)
    if (without_handlers([&] { return hash.leave(spares[i]); })) woken = i;
  return woken;
}

} // namespace

bool has_waiter() { return is_shared() && thread_self.record && !is_borrower(); }

Ended ended(const Result<>& result) {
  const bool again = !critical_state.put_off || put_off_restarts();
  return {result ? 0 : -result.error().value, again};
}

long wait_for_futex(FutexValue value, uint32_t bitset, const Deadline& deadline, Interrupted rule) {
  if (!has_waiter()) return sleep_as_guest(value, bitset, deadline);
  return wait_by_rule([&] { return wait_once(value, bitset, deadline); }, rule);
}

long wait_for_any_futex(WaiterHash hash, const FutexValue* values, uint32_t count, const Deadline& deadline) {
  const Spares spares(hash, count);
  if (spares.count() < count) return -ENOMEM;
  if (!has_waiter()) return wait_for_any_once(hash, spares, values, deadline);
  const auto once = [&] {
    const OutOfReach asleep(hash.bell_word(spares[0]));
    const long result = wait_for_any_once(hash, spares, values, deadline);
    return Ended{result, !critical_state.put_off || put_off_restarts()};
  };
  return wait_by_rule(once, Interrupted::restarts);
}

} // namespace sp
