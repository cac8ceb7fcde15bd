// SPDX-License-Identifier: Apache-2.0
// The memory calls of a converted SubProcess (paper, 5.1 and 6.2; mmap(2), mremap(2), madvise(2)), a file for each.
//
// Anonymous memory comes from the calling node's arena, which every resident maps in full from the start: mmap is then an
// allocation of addresses, munmap gives the pages back, and no other node needs to know; pointers handed to the kernel
// are good on every node. Where a protection other than read-write is in force says protection.hpp.
// File mappings get addresses of the node's file window and are made in every resident. Private writable files become
// copies in a segment. What lies elsewhere (the program's image, heap, main stack) is segment memory since conversion.
//
// Locks: one for each arena; one for everything outside; a thread holds one of them at a time. Calls to other nodes are made
// with it held: agents never take one. Records are changed after the kernels, and each call first sees to it that there
// are records enough, so that what fails leaves kernels and records of one mind. Every function returns what the system
// call would.
#pragma once
#include <cstdint>

namespace sp::memory {

long map(uint64_t address, uint64_t bytes, int prot, int flags, int fd, uint64_t offset); // map.cpp
long unmap(uint64_t address, uint64_t bytes);                                             // unmap.cpp
long protect(uint64_t address, uint64_t bytes, int prot, int key);                        // protect.cpp; key -1: none
long advise(uint64_t address, uint64_t bytes, int advice);                                // advise.cpp
long remap(uint64_t old_address, uint64_t old_bytes, uint64_t new_bytes, int flags, uint64_t new_address); // remap.cpp
long set_break(uint64_t address);                                                                          // break.cpp

// residency.cpp
bool is_all_mapped(uint64_t start, uint64_t end); // whole pages
bool is_shared_anonymous(uint64_t address);       // ... of the image's segment, where nodes are isolated
bool is_shared_mapping(uint64_t address);         // MAP_SHARED: other processes may have it as well
long lock_range(uint64_t address, uint64_t bytes, int flags);
long unlock_range(uint64_t address, uint64_t bytes);
long lock_all(int flags);
long unlock_all();

// Memory for the shim's own use (vfork stacks, spare thread-local storage), before conversion too; shared after it.
long map_for_shim(uint64_t bytes);
void unmap_for_shim(uint64_t address, uint64_t bytes);

} // namespace sp::memory
