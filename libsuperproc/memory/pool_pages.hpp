// SPDX-License-Identifier: Apache-2.0
// Private memory of a process that is mapped copy-on-write from a checkpoint in a pool, or from where it has been settled
// (process/settled_memory.hpp). To the program it is anonymous; to the kernel it is a file's, which shows the file's pages
// again when its own are dropped, and other pages behind its end. So a call that drops, moves, grows or advises such memory
// has it made anonymous first.
#pragma once
#include <cstdint>

namespace sp::memory {

// From now on [start, end) may be such memory. False: there are too many pieces to remember.
bool note_pool_pages(uint64_t start, uint64_t end);
bool has_pool_pages();
struct Mapping;
// Which node's pool a file is, by what the kernel calls it in /proc (up to a newline or zero byte): a memfd, or a file of
// gnttab-shm/module, which is mounted nowhere. -1: none.
int pool_number(const char* name);
bool is_pool_pages(const Mapping& m);

enum class Contents { kept, dropped };
// Makes what is such memory of [start, start + bytes) anonymous, with the same protection. The kernel may refuse: then it
// stays what it was.
void make_anonymous(uint64_t start, uint64_t bytes, Contents contents);

} // namespace sp::memory
