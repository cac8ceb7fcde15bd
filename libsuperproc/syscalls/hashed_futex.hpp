// SPDX-License-Identifier: Apache-2.0
// The futex calls where threads of several nodes wait: by a waiter hash (sync/waiter_hash.hpp), the SubProcess's for its own
// memory, the cluster's for memory that processes of several nodes share (process/shared_futex.hpp). Futexes in other
// mappings that processes share are the kernel's. Locks that inherit priority: hashed_lock.hpp; in the cluster's memory
// their owner and waiters have to be on one node.
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"

namespace sp {

inline constexpr long kFutexWake = 454, kFutexWait = 455, kFutexRequeue = 456; // newer than our headers

enum class HashOf { threads, cluster };
std::optional<HashOf> hash_of_futex(uint64_t address, bool is_private);

long hashed_futex(const Call& call, HashOf hash);
long hashed_futex_wait(const Call& call, HashOf hash);    // futex_wait(2), the newer one
long hashed_futex_wake(const Call& call, HashOf hash);    // likewise
long hashed_futex_waitv(const Call& call, HashOf hash);   // the call's list has been found readable
long hashed_futex_requeue(const Call& call, HashOf hash); // likewise

// A call whose interest says that it may be about the cluster's memory; nothing: it is not.
std::optional<long> futex_of_cluster(Call& call);

} // namespace sp
