// SPDX-License-Identifier: Apache-2.0
// Calls before which a fork's child that still holds its parent (process/fork.hpp) copies the memory that it was lent:
//
//   that change, lock or advise lent memory     to the kernel it is a file's mapping yet, and shows the file's pages when
//                                               its own are dropped; the copy relies on the mappings being as they were
//   that limit the address space or the data    the copy could not be made any more
//
// In a process that has memory of a checkpoint (memory/pool_pages.hpp) these calls make it its own.
//
// What else a child does between fork and exec (getrlimit, mmap and brk for new memory) copies nothing.
#pragma once
#include "libsuperproc/syscalls/call.hpp"
#include "libsuperproc/syscalls/interest.hpp"

namespace sp {

// Sets or clears the interest in these calls.
void copy_first(bool holds);

inline bool may_need_copy(long number) {
  return static_cast<unsigned long>(number) < kInterestCount && (sp_interest[number].bits & kInterestCopyFirst);
}
void copy_before(const Call& call);

} // namespace sp
