// SPDX-License-Identifier: Apache-2.0
// The priority-inheriting locks of futex(2) where threads of several isolated nodes wait for one: no kernel has them all.
// They exclude each other, detect that the caller has the lock already, end at the time limit, and tell of an owner that
// died; but nobody's priority changes.
//
// The word is as the kernel has it: the owner's number, FUTEX_WAITERS, FUTEX_OWNER_DIED. Who may have to wait sets
// FUTEX_WAITERS, sleeps while the word stays as it is, and takes the lock with that bit, since others may sleep, too. Who
// unlocks it then clears the word and wakes one, who may find that another was quicker.
// What if it dies here? The owner: as with every robust lock, its list is gone through at its end (process/last_step.cpp),
// which wakes one. One that was woken and has not taken the lock: it is free, with nobody awake; as natively with any
// futex, a thread killed alone takes its process along.
#pragma once
#include <cstdint>

#include "libsuperproc/syscalls/call.hpp"

namespace sp {

// Does the operation of futex(2) concern such a lock?
bool inherits_priority(uint64_t operation);

// The calling SubProcess has a hash of its own. FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI are refused: ENOSYS.
long hashed_lock(const Call& call);

} // namespace sp
