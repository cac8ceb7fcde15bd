// SPDX-License-Identifier: Apache-2.0
// Futexes in memory that processes of several nodes share (process/shared_memory.hpp, shared_mapping.hpp). It lies in a
// node's pool, so a futex is named by its place there, whoever sees it where; the cluster segment has a hash of who waits
// (sync/waiter_hash.hpp). All users go there, those of the first node as well, from the moment the memory is mapped: no
// kernel's futex has waiters of two nodes, and nobody waits where a waker does not look.
//
// A wait takes a spare waiter of the cluster's. In a process with threads on several nodes it is like any other of its waits
// (process/futex_wait.hpp). Elsewhere the kernel enters handlers on top of it, as natively, and its own sleep on the
// waiter's bell says EINTR or goes on; a handler that jumps out leaves the waiter queued, which the thread finds when it next
// waits or ends, and a wake that came for it meanwhile goes to the next.
//
// What the kernel does for a dead thread's robust futexes, and its CLEARTID word, it does to the word alone: it wakes its own
// waiters, and ours are not those. Who ends by exit sees to his own robust futexes before (release_robust_futexes). After a
// sudden death the spd of that node rings all waiters, and who waits for a word that has a thread's number in it looks again
// ten times a second, so a process that no spd knows of (one of the first node that never moved) is noticed as well. The
// owner's node may be dead, and its kernel: then the waiter itself marks the word.
//
// The first time that a process waits or wakes it has its spd watch it, who takes away what it leaves behind.
#pragma once
#include "libsuperproc/process/futex_wait.hpp"

namespace sp {

// Has this process such memory, or had it?
bool has_shared_futexes();

// Of the futex at this address; 0: its memory is not of that kind.
uint64_t shared_futex_key(uint64_t address);

WaiterHash cluster_hash();
uint32_t wake_shared_futex(uint64_t key, uint32_t most, uint32_t bitset = ~0u);

// As wait_for_futex() and wait_for_any_futex().
long wait_for_shared_futex(FutexValue value, uint32_t bitset, const Deadline& deadline, Interrupted rule);
long wait_for_any_shared_futex(const FutexValue* values, uint32_t count, const Deadline& deadline);

// The calling thread ends: waits that a handler has jumped out of.
void end_left_waits();

} // namespace sp
