// SPDX-License-Identifier: Apache-2.0
// The futex calls of a SubProcess whose threads are on isolated nodes: by the waiter hash (sync/waiter_hash.hpp). Futexes in
// mappings that other processes share are the kernel's; priorities are not inherited (ENOSYS).
#pragma once
#include "libsuperproc/syscalls/call.hpp"

namespace sp {

// Is this futex the hash's?
bool is_hashed_futex(uint64_t address, bool is_private);

long hashed_futex(const Call& call);
long hashed_futex_wait(const Call& call);    // futex_wait(2), the newer one
long hashed_futex_wake(const Call& call);    // likewise
long hashed_futex_waitv(const Call& call);   // the call's list has been found readable
long hashed_futex_requeue(const Call& call); // likewise

} // namespace sp
