// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/copy_first.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>

#include "libsuperproc/memory/copy_out.hpp"
#include "libsuperproc/memory/memory_table.hpp"
#include "libsuperproc/memory/pool_pages.hpp"
#include "libsuperproc/process/fork.hpp"

namespace sp {

namespace {

constexpr uint32_t kSealMemory = 462; // mseal: newer than some libcs
constexpr uint32_t kCopyFirst[] = {SYS_mmap,
                                   SYS_munmap,
                                   SYS_mremap,
                                   SYS_mprotect,
                                   SYS_pkey_mprotect,
                                   SYS_brk,
                                   SYS_madvise,
                                   SYS_mlock,
                                   SYS_mlock2,
                                   SYS_mlockall,
                                   SYS_mbind,
                                   SYS_shmat,
                                   SYS_process_madvise,
                                   SYS_userfaultfd,
                                   SYS_setrlimit,
                                   kSealMemory,
                                   SYS_prlimit64,
                                   SYS_prctl};

bool shrinks_heap(uint64_t address) { return address && address < memory::memory_table().break_end; }

bool limits_memory(int resource, bool sets) { return sets && (resource == RLIMIT_AS || resource == RLIMIT_DATA); }

bool needs_copy(const Call& call) {
  switch (call.number()) {
    case SYS_mmap: return (call.number_arg(3) & MAP_FIXED) && memory::is_lent(call.arg(0), call.arg(1));
    case SYS_mremap:
      return memory::is_lent(call.arg(0), call.arg(1) ? call.arg(1) : 1) ||
             ((call.number_arg(3) & MREMAP_FIXED) && memory::is_lent(call.arg(4), call.arg(2)));
    case SYS_munmap:
    case SYS_mprotect:
    case SYS_pkey_mprotect:
    case SYS_madvise:
    case SYS_mlock:
    case SYS_mlock2:
    case SYS_mbind:
    case kSealMemory: return memory::is_lent(call.arg(0), call.arg(1));
    case SYS_brk: return shrinks_heap(call.arg(0));
    case SYS_shmat: return call.number_arg(2) & SHM_REMAP;
    case SYS_setrlimit: return limits_memory(call.number_arg(0), true);
    case SYS_prlimit64: return limits_memory(call.number_arg(1), call.arg(2) != 0);
    case SYS_prctl: return call.number_arg(0) == PR_SET_VMA && memory::is_lent(call.arg(2), call.arg(3));
    default: return true;
  }
}

// Memory of a checkpoint becomes the process's own.
void make_own(const Call& call) {
  using memory::Contents;
  switch (call.number()) {
    case SYS_madvise: {
      const bool drops = call.number_arg(2) == MADV_DONTNEED || call.number_arg(2) == MADV_FREE;
      return memory::make_anonymous(call.arg(0), call.arg(1), drops ? Contents::dropped : Contents::kept);
    }
    case SYS_mremap: return memory::make_anonymous(call.arg(0), call.arg(1) ? call.arg(1) : 1, Contents::kept);
    default: return;
  }
}

} // namespace

void copy_first(bool holds) {
  for (uint32_t number : kCopyFirst) {
    if (holds)
      __atomic_fetch_or(&sp_interest[number].bits, kInterestCopyFirst, __ATOMIC_RELEASE);
    else
      __atomic_fetch_and(&sp_interest[number].bits, static_cast<uint8_t>(~kInterestCopyFirst), __ATOMIC_RELEASE);
  }
}

void copy_before(const Call& call) {
  if (needs_copy(call)) finish_fork_copy();
  if (memory::has_pool_pages()) make_own(call);
}

} // namespace sp
