// SPDX-License-Identifier: Apache-2.0
// Sleeping in the SubProcess's waiter hash (waiter_hash.hpp).
#pragma once
#include "libsuperproc/base/all_blocked.hpp"
#include "libsuperproc/base/critical.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/sync/deadline.hpp"
#include "libsuperproc/sync/waiter_hash.hpp"

namespace sp {

// Do threads of this SubProcess use it?
inline bool is_hashed() { return is_isolated() && is_shared(); }

WaiterHash own_hash();

// A handler that ran on top of a change of a bucket would wait for itself. In Critical sections none does.
template <class Function>
auto without_handlers(Function f) {
  if (critical_state.depth) return f();
  const AllBlocked blocked;
  return f();
}

// From conversion on, before there is another node's resident: what else threads of several nodes sleep on goes that way as
// well (base/shared_word.hpp).
void share_words_by_hash();

struct SleepStyle {
  bool spins = true;
  int64_t look_again_ns = -1; // `woken()` may come true without a ring: so often it is asked
};

// Sleeps on the bell of `sleeper` until `woken()` says so. Errors: ETIMEDOUT; EINTR: a signal is put off, or, outside
// Critical sections, was taken.
template <class Woken>
Result<> sleep_until(const EventChannel& bell, const Deadline& deadline, Woken woken, const SleepStyle& style = {}) {
  constexpr int64_t kWorthSpinningNs = 4 * static_cast<int64_t>(kSpinNs);
  for (;;) {
    int64_t left = deadline.left_ns();
    if (left == 0) return fail(ETIMEDOUT);
    if (style.look_again_ns > 0 && (left < 0 || left > style.look_again_ns)) left = style.look_again_ns;
    const bool soon = !style.spins || (left > 0 && left < kWorthSpinningNs);
    const auto done = [&] { return woken() || critical_state.put_off; };
    const Result<> waited = bell.wait(soon ? WaitPolicy::sleep_at_once() : WaitPolicy{}, done, left);
    if (woken()) return {};
    if (critical_state.put_off || (!critical_state.depth && !waited && waited.error().value == EINTR))
      return fail(EINTR);
  }
}

// One wait of `waiter`, which is the caller's. Errors: as above; EAGAIN, EFAULT.
template <class Woken>
Result<> sleep_in(WaiterHash& hash, uint32_t waiter, FutexValue value, uint32_t bitset, const Deadline& deadline,
                  Woken woken, const SleepStyle& style) {
  const EventChannel bell = hash.bell_of(waiter);
  Result<> result = without_handlers([&] { return hash.enqueue(waiter, value, bitset, waiter); });
  if (!result) return result;
  result = sleep_until(bell, deadline, woken, style);
  if (without_handlers([&] { return hash.leave(waiter); })) return {};
  return result;
}
inline Result<> sleep_in(WaiterHash& hash, uint32_t waiter, FutexValue value, uint32_t bitset,
                         const Deadline& deadline) {
  return sleep_in(hash, waiter, value, bitset, deadline, [&] { return hash.is_woken(waiter); }, {});
}

// By who has no waiter of its own: service threads, and processes that borrow this memory. 0, -EAGAIN, -EFAULT, -ENOMEM,
// -ETIMEDOUT, -EINTR.
long sleep_as_guest(FutexValue value, uint32_t bitset, const Deadline& deadline);

} // namespace sp
