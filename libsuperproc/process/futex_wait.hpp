// SPDX-License-Identifier: Apache-2.0
// A thread of the program waits on futexes in the waiter hash (sync/waiter_hash.hpp). Handlers are entered between two waits,
// never on top of one: a signal is put off and ends the wait, the waiter leaves its bucket, the handler runs, and the wait
// begins again or returns EINTR by the kernel's rule. So no handler that jumps out leaves anything behind.
#pragma once
#include "libsuperproc/signal/delivery.hpp"
#include "libsuperproc/sync/hashed_sleep.hpp"

namespace sp {

enum class Interrupted { restarts /* where all handlers allow it */, ends };

// Is the caller a thread of a SubProcess that has a hash of its own?
bool has_waiter();

// 0, -EAGAIN, -EFAULT, -ETIMEDOUT, -EINTR.
long wait_for_futex(FutexValue value, uint32_t bitset, const Deadline& deadline, Interrupted rule);

// Waits on each, in either hash; the index of one that was woken. -ENOMEM: too many such waits at one time.
long wait_for_any_futex(WaiterHash hash, const FutexValue* values, uint32_t count, const Deadline& deadline);
inline constexpr uint32_t kAnyFutexMax = 128; // FUTEX_WAITV_MAX

// ---- one wait in a Critical section, and whether it begins again ----

struct Ended {
  long result;
  bool again; // if it was interrupted: no handler speaks against it
};
Ended ended(const Result<>& result);

template <class Once>
long wait_by_rule(Once once, Interrupted rule) {
  for (;;) {
    const uint32_t delivered = delivered_count();
    const Ended wait = once();
    if (wait.result != -EINTR) return wait.result;
    const bool unseen = delivered == delivered_count(); // a stop of the world, or somebody else took the signal
    if (!unseen && (rule == Interrupted::ends || !wait.again)) return -EINTR;
  }
}

} // namespace sp
