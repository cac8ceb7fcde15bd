// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/unused_memory.hpp"

#include <asm/prctl.h>

#include "libsuperproc/base/critical.hpp"
#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/address_map.hpp"
#include "libsuperproc/wire/cluster.hpp"

extern "C" [[gnu::visibility("hidden")]] const char __ehdr_start[], _end[]; // of the linker: our own image

namespace sp {

namespace {

struct Kept {
  uint64_t start, end;
};

uint64_t address(const void* at) { return reinterpret_cast<uint64_t>(at); }

// Whole pages, and as many bytes more.
Kept around(uint64_t first, uint64_t last, uint64_t more) {
  constexpr uint64_t kInPage = wire::kPageBytes - 1;
  return {(first - more) & ~kInPage, (last + more + kInPage) & ~kInPage};
}

} // namespace

void give_back_unused_memory() {
  constexpr uint64_t kLocalBytes = 64 << 10; // storage of one thread on either side; what else is there stays as well
  constexpr uint64_t kStackBytes = 256 << 10;
  uint64_t thread = 0;
  sys::call(SYS_arch_prctl, ARCH_GET_FS, &thread);
  const uint64_t local = address(&critical_state), here = address(__builtin_frame_address(0));
  Kept kept[] = {{wire::kClusterBase, wire::kSourceEnd},
                 around(address(__ehdr_start), address(_end), 0),
                 around(local < thread ? local : thread, local < thread ? thread : local, kLocalBytes),
                 {around(here, here, kStackBytes).start, wire::kUserEnd}};
  for (auto& first : kept)
    for (auto& second : kept)
      if (&first < &second && second.start < first.start) {
        const Kept swapped = first;
        first = second, second = swapped;
      }
  uint64_t at = wire::kUserStart;
  for (const Kept& k : kept) {
    if (at < k.start) sys::call(SYS_munmap, at, k.start - at);
    if (at < k.end) at = k.end;
  }
}

} // namespace sp
