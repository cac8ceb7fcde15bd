// SPDX-License-Identifier: Apache-2.0
// What a kernel does for the futexes of a thread that ends, where the waiters are in a hash and no kernel knows of them
// (sync/waiter_hash.hpp): robust futexes get FUTEX_OWNER_DIED and wake a waiter; at last the word that CLONE_CHILD_CLEARTID
// named is cleared, and who joins is woken.
//
// As soon as that word is cleared the thread's stack and its thread-local storage are somebody else's. So the last step is
// taken on a stack of the node's own, one of a few, which are given free without a stack; and the kernel is told before
// that it has nothing to write into the thread's memory any more (rseq).
// If the thread is killed in between, so is all of its node, and with it the SubProcess. Robust futexes in memory that other
// processes share then are their kernel's again: the list stays registered until it has been gone through.
#pragma once
#include <cstdint>

#include "libsuperproc/wire/subprocess.hpp"

namespace sp {

// The calling thread's; all signals but faults are blocked.
void release_robust_futexes();

struct Leaving {
  uint64_t clear_tid;
  uint64_t restartable; // as in the thread's record
  uint32_t restartable_bytes, restartable_signature;
  explicit Leaving(const wire::ThreadRecord& record)
      : clear_tid(record.clear_tid), restartable(record.restartable), restartable_bytes(record.restartable_bytes),
        restartable_signature(record.restartable_signature) {}
};
[[noreturn]] void take_last_step(const Leaving& leaving, long code);

// At conversion: what the kernel was told before anybody listened.
void take_over_clear_tid();

} // namespace sp
