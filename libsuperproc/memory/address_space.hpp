// SPDX-License-Identifier: Apache-2.0
// The memory calls of a converted SubProcess (paper, 5.1 and 6.2; mmap(2), mremap(2), madvise(2)).
//
// Anonymous memory comes from the calling node's arena, which every resident maps in full from the start: mmap is then an
// allocation of addresses, munmap gives the pages back, and no other node needs to know; pointers handed to the kernel
// are good on every node. The arena's kernel mapping is read-write everywhere; a record whose protection differs says in
// `applied` which nodes' kernels follow. A fresh range with another protection (a stack's guard, a reservation) is
// protected here at once and elsewhere when the range is small; mprotect is applied everywhere before it returns.
// File mappings get addresses of the node's file window and are made in every resident. Private writable files become
// copies in a segment. What lies elsewhere (the program's image, heap, main stack) is segment memory since conversion.
//
// Locks: one for each arena; one for everything outside. Calls to other nodes are made with the lock held: agents never
// take it. Every function returns what the system call would.
#pragma once
#include <cstdint>

namespace sp::memory {

long map(uint64_t address, uint64_t bytes, int prot, int flags, int fd, uint64_t offset);
long unmap(uint64_t address, uint64_t bytes);
long protect(uint64_t address, uint64_t bytes, int prot);
long advise(uint64_t address, uint64_t bytes, int advice);
long remap(uint64_t old_address, uint64_t old_bytes, uint64_t new_bytes, int flags, uint64_t new_address);
long set_break(uint64_t address);

// Memory for the shim's own use (vfork stacks, spare thread-local storage), before conversion too; shared after it.
long map_for_shim(uint64_t bytes);
void unmap_for_shim(uint64_t address, uint64_t bytes);

// In an agent, before a thread starts there: small ranges that were protected when they were mapped.
void apply_pending_protections();

} // namespace sp::memory
