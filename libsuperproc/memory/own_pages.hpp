// SPDX-License-Identifier: Apache-2.0
// Which pages the calling process has to itself: anonymous ones, also where they have taken the place of a file's.
#pragma once
#include <cstdint>

#include "libsuperproc/base/result.hpp"

namespace sp::memory {

struct PageRun {
  uint64_t start, end;
};

// Walks the runs in [start, end), in rising order; two may touch, and one may lie in several mappings. The kernel is asked for
// many at a time (PAGEMAP_SCAN), or, before Linux 6.7, for each page (/proc/self/pagemap): then a range should lie in one
// mapping.
class OwnPages {
public:
  // `descriptor`: of /proc/self/pagemap. `memory`: room for the answers.
  OwnPages(long descriptor, void* memory, uint64_t bytes) : descriptor_(descriptor), memory_(memory), bytes_(bytes) {}
  void look_in(uint64_t start, uint64_t end) { at_ = start, end_ = end, count_ = next_ = 0; }
  // False at the end.
  Result<bool> next(PageRun& run);
  // Many mappings may be looked at as one range. It is known after the first.
  bool skips_gaps() const { return scans_ && has_scanned_; }

private:
  Result<> ask();
  Result<> scan();
  Result<> read();

  long descriptor_;
  void* memory_;
  uint64_t bytes_;
  uint64_t at_ = 0, end_ = 0;
  uint32_t count_ = 0, next_ = 0;
  bool scans_ = true, has_scanned_ = false;
};

} // namespace sp::memory
