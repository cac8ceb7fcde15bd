// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/sync/hashed_sleep.hpp"

#include "libsuperproc/base/all_blocked.hpp"
#include "libsuperproc/base/shared_word.hpp"

namespace sp {

WaiterHash own_hash() {
  const int32_t tid = thread_self.tid ? thread_self.tid : static_cast<int32_t>(sys::call(SYS_gettid));
  return {waiter_table(), this_node(), tid};
}

namespace {

// A handler that ran on top of a change of a bucket would wait for itself. In Critical sections none does.
template <class Function>
auto without_handlers(Function f) {
  if (critical_state.depth) return f();
  const AllBlocked blocked;
  return f();
}

uint64_t address_of(const volatile uint32_t* word) { return reinterpret_cast<uint64_t>(word); }

long sleep_on_word(const volatile uint32_t* word, uint32_t expected, int64_t timeout_ns) {
  return sleep_as_guest({address_of(word), expected}, ~0u, timeout_ns < 0 ? Deadline() : Deadline::after(timeout_ns));
}
void wake_on_word(const volatile uint32_t* word, int count) {
  if (may_have_waiters(address_of(word)))
    without_handlers([&] { return own_hash().wake(address_of(word), static_cast<uint32_t>(count)); });
}

} // namespace

long sleep_as_guest(FutexValue value, uint32_t bitset, const Deadline& deadline) {
  WaiterHash hash = own_hash();
  const Result<uint32_t> waiter = hash.take_spare();
  if (!waiter) return -waiter.error().value;
  const EventChannel bell = hash.bell_of(*waiter);
  Result<> result = without_handlers([&] { return hash.enqueue(*waiter, value, bitset, *waiter); });
  if (result) {
    result = sleep_until(bell, deadline, [&] { return hash.is_woken(*waiter); });
    if (without_handlers([&] { return hash.leave(*waiter); })) result = {};
  }
  hash.give_back(*waiter);
  return result ? 0 : -result.error().value;
}

void share_words_by_hash() { shared_words = {sleep_on_word, wake_on_word}; }

} // namespace sp
