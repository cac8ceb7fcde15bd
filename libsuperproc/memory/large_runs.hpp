// SPDX-License-Identifier: Apache-2.0
// Where a process has much private memory that is ordinary memory: it may be read, no advice or lock has marked it, and
// it neither grows nor has a protection key. What has other pages put in its place there looks the same to the program.
#pragma once
#include <cstdint>

#include "libsuperproc/base/result.hpp"

namespace sp::memory {

inline constexpr uint64_t kLargeRunBytes = 1 << 20; // at least

struct LargeRun {
  uint64_t start, end;
  int protection; // PROT_*
};

inline constexpr uint32_t kLargeRunsMax = 64;
struct LargeRuns {
  LargeRun runs[kLargeRunsMax]; // rising
  uint32_t count = 0;
  uint64_t bytes = 0;             // of all
  bool has_all_pool_pages = true; // all memory that is mapped copy-on-write from pools is among these
};

// Of the calling process, which has one thread. They lie in the node's scratch memory.
Result<const LargeRuns*> find_large_runs();

} // namespace sp::memory
