// SPDX-License-Identifier: Apache-2.0
// The way back from shared to private memory, in a fork's child: every range of a segment is mapped privately at the same
// address, and what is free or reserved is not mapped any more, so the child's address space is that of a native process.
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

// The VMA maps are still the parent's and do not change. The control segment is left alone.
Result<> make_private(const Descriptors& descriptors);
// Copies what the private mappings still read from the segments: afterwards the parent may write again.
Result<> copy_existing_pages(const Descriptors& descriptors);
// The heap in a native process that was converted before: its break is ours, not the kernel's.
long set_private_break(unsigned long address);

} // namespace sp::memory
