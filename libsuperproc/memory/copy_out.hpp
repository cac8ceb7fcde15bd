// SPDX-License-Identifier: Apache-2.0
// The way back from shared to private memory, in a fork's child: every range of a segment becomes private memory at the
// same address, and what is free or reserved is not mapped any more, so the child's address space is that of a native
// process. Where a segment has no page the child gets plain anonymous memory, never a private view of the segment: the
// parent may put a page there later, which must not appear in the child.
//
// What is mapped copy-on-write for the moment is *lent*: still a file's mapping to the kernel, which madvise, mremap and
// mlock treat otherwise than anonymous memory. Whoever is about to do such a thing copies the rest first. The copy takes
// a lent piece's place in one anonymous mapping with what is around it, so nothing of the segments is left.
#pragma once
#include "libsuperproc/base/result.hpp"
#include "libsuperproc/memory/segments.hpp"

namespace sp::memory {

// The segments' descriptors, opened in the parent: a child may not be allowed to.
struct Descriptors {
  int32_t fd[kSegmentCountMax];
  uint32_t count;
};
Result<> open_segments(Descriptors& descriptors);
void close_segments(const Descriptors& descriptors);
uint64_t bytes_in(const Descriptors& descriptors); // of pages that exist

enum class Copy {
  now,   // the parent may go on as soon as make_private returns
  later, // existing pages are lent; the parent may go on after copy_the_rest
};
// The VMA maps are still the parent's and do not change meanwhile. The control segment is left alone.
Result<> make_private(const Descriptors& descriptors, Copy copy);
bool is_lent(uint64_t start, uint64_t bytes); // any of it

// On a stack of the node's own and with all signals blocked: the program's stack, thread-local storage and our own variables
// are lent as well, and not there for a moment. The lent mappings must be as make_private has left them.
Result<> copy_the_rest();

// The heap in a native process that was converted before: its break is ours, not the kernel's.
long set_private_break(unsigned long address);

} // namespace sp::memory
