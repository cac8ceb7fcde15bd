// SPDX-License-Identifier: Apache-2.0
// How many threads of the SubProcess wait on private futexes, by hash of the address: so that a wake without a waiter
// need not ask the kernel, for which a futex shared between address spaces is dearer than a private one.
//
// Protocol: a waiter adds one to its bucket, then calls the kernel, which compares the futex's value; afterwards it takes
// the one away. A waker, whose program has stored the new value before, reads the bucket behind a full barrier and calls
// the kernel unless it is zero. Either the waker sees the waiter's one or the kernel sees the new value and does not let
// it sleep. A waiter that never comes back (siglongjmp, cancellation) leaves its one behind: wakes of that bucket go to
// the kernel for ever, which is always right. What moves waiters to other futexes (requeue) or waits on several marks
// the buckets for good. Only futexes with the private flag are counted: others may have waiters in other processes, or
// be woken by the kernel itself (CLEARTID).
#pragma once
#include <cstdint>

inline constexpr uint32_t kFutexBucketCount = 4096;
extern "C" [[gnu::visibility("hidden")]] uint32_t sp_futex_waiters[kFutexBucketCount]; // gate_futex.S has the hash too

namespace sp {

constexpr uint32_t futex_bucket_index(uint64_t key) { return static_cast<uint32_t>(key) * 0x9e3779b1u >> 20; }
static_assert(~0u >> 20 < kFutexBucketCount);
inline uint32_t& futex_bucket(uint64_t address) { return sp_futex_waiters[futex_bucket_index(address)]; }
inline void mark_futex_for_good(uint64_t address) { __atomic_fetch_add(&futex_bucket(address), 1, __ATOMIC_SEQ_CST); }

} // namespace sp
