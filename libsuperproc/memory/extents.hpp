// SPDX-License-Identifier: Apache-2.0
// The runs of pages that a segment has: also those that are swapped out, which mincore would not count.
#pragma once
#include <unistd.h>

#include "libsuperproc/base/result.hpp"
#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/memory/segments.hpp"

namespace sp::memory {

// f(address, end, offset) -> Result<> for each run of existing pages in [start, end), which lies in one segment.
template <class Function>
Result<> for_extents(uint64_t start, uint64_t end, long fd, Function f) {
  const uint64_t base = segment_of(start).offset, limit = base + (end - start);
  for (uint64_t at = base; at < limit;) {
    const long data = sys::call(SYS_lseek, fd, at, SEEK_DATA);
    if (data == -ENXIO || (data >= 0 && static_cast<uint64_t>(data) >= limit)) return {};
    TRY_VOID(from_raw(data));
    TRY(const long hole, from_raw(sys::call(SYS_lseek, fd, data, SEEK_HOLE)));
    const uint64_t extent_end = static_cast<uint64_t>(hole) < limit ? static_cast<uint64_t>(hole) : limit;
    TRY_VOID(f(start + (static_cast<uint64_t>(data) - base), start + (extent_end - base), static_cast<uint64_t>(data)));
    at = extent_end;
  }
  return {};
}

// The pages of a segment from `offset` on, all of which exist, read to an address.
inline Result<> read_pages(uint64_t start, uint64_t end, long fd, uint64_t offset) {
  while (start < end) {
    const long got = sys::call(SYS_pread64, fd, start, end - start, offset);
    if (got == -EINTR) continue;
    if (got <= 0) return fail(got ? static_cast<int>(-got) : EIO);
    start += static_cast<uint64_t>(got), offset += static_cast<uint64_t>(got);
  }
  return {};
}

} // namespace sp::memory
