// SPDX-License-Identifier: Apache-2.0
// The files behind private writable mappings, which are copies in a segment: MADV_DONTNEED takes the copy away and shows
// the file again. For that each such mapping has a source, a read-only mapping of the same part of the file in home's
// address space alone. The records of the copy name it in `file_id`, so that they follow splits and new mappings; when
// the last of them is freed the source is gone.
//
// A copy without a source reads as zeros afterwards: when there are more than kCount of them, when mremap has moved it, or
// when it came about by mprotect.
#pragma once
#include <cstdint>

#include "libsuperproc/wire/vma.hpp"

namespace sp::memory {

// A source for [start, start + bytes) from a descriptor. Its file_id, 0: there is none.
uint32_t keep_source(uint64_t start, uint64_t bytes, long fd, uint64_t offset);

// At conversion: the mapping itself becomes its copy's source, without what was written to it. Its addresses are free then.
uint32_t keep_mapping_as_source(uint64_t start, uint64_t bytes);

// What the file has, into the segment; zeros behind the file's end.
long read_source(const wire::Vma& copy);

// The copy's addresses are about to be freed.
void drop_source(const wire::Vma& copy);

// In a fork's child, whose memory has no segments any more.
void drop_all_sources();

} // namespace sp::memory
