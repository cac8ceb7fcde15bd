// SPDX-License-Identifier: Apache-2.0
// Sleeping in the SubProcess's waiter hash (waiter_hash.hpp).
#pragma once
#include "libsuperproc/base/critical.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/sync/deadline.hpp"
#include "libsuperproc/sync/waiter_hash.hpp"

namespace sp {

// Do threads of this SubProcess use it?
inline bool is_hashed() { return is_isolated() && is_shared(); }

WaiterHash own_hash();

// From conversion on, before there is another node's resident: what else threads of several nodes sleep on goes that way as
// well (base/shared_word.hpp).
void share_words_by_hash();

// Sleeps on the bell of `sleeper` until `woken()` says so. Errors: ETIMEDOUT; EINTR: a signal is put off, or, outside
// Critical sections, was taken.
template <class Woken>
Result<> sleep_until(const EventChannel& bell, const Deadline& deadline, Woken woken) {
  constexpr int64_t kWorthSpinningNs = 4 * static_cast<int64_t>(kSpinNs);
  for (;;) {
    const int64_t left = deadline.left_ns();
    if (left == 0) return fail(ETIMEDOUT);
    const bool soon = left > 0 && left < kWorthSpinningNs;
    const auto done = [&] { return woken() || critical_state.put_off; };
    const Result<> waited = bell.wait(soon ? WaitPolicy::sleep_at_once() : WaitPolicy{}, done, left);
    if (woken()) return {};
    if (critical_state.put_off || (!critical_state.depth && !waited && waited.error().value == EINTR))
      return fail(EINTR);
  }
}

// By who has no waiter of its own: service threads, and processes that borrow this memory. 0, -EAGAIN, -EFAULT, -ENOMEM,
// -ETIMEDOUT, -EINTR.
long sleep_as_guest(FutexValue value, uint32_t bitset, const Deadline& deadline);

} // namespace sp
