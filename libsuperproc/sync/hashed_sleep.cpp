// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/sync/hashed_sleep.hpp"

#include "libsuperproc/base/shared_word.hpp"

namespace sp {

WaiterHash own_hash() {
  const int32_t tid = thread_self.tid ? thread_self.tid : static_cast<int32_t>(sys::call(SYS_gettid));
  return {thread_waiters().table(sp_futex_waiters, resident_has_ended), this_node(), tid};
}

namespace {

uint64_t address_of(const volatile uint32_t* word) { return reinterpret_cast<uint64_t>(word); }

long sleep_on_word(const volatile uint32_t* word, uint32_t expected, int64_t timeout_ns) {
  return sleep_as_guest({address_of(word), address_of(word), expected}, ~0u,
                        timeout_ns < 0 ? Deadline() : Deadline::after(timeout_ns));
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
  const Result<> result = sleep_in(hash, *waiter, value, bitset, deadline);
  hash.give_back(*waiter);
  return result ? 0 : -result.error().value;
}

void share_words_by_hash() { shared_words = {sleep_on_word, wake_on_word}; }

} // namespace sp
