// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/code_guard.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>

#include "libsuperproc/base/code_scan.hpp"
#include "libsuperproc/base/path.hpp"
#include "libsuperproc/sync/sealing.hpp"
#include "libsuperproc/wire/address_map.hpp"

namespace sp {

bool (*known_code)(int fd, uint64_t offset, uint64_t bytes) = nullptr;

namespace {

constexpr int kGuarded[] = {SYS_mmap,  SYS_mprotect,    SYS_pkey_mprotect, SYS_mremap,         SYS_madvise,
                            SYS_shmat, SYS_personality, SYS_arch_prctl,    SYS_process_madvise};

// ---- what is known to be executable ----

// Only grows. A piece that is just being written is not looked for: nobody knows its address yet.
struct CodeRange {
  uint64_t start, end;
};
constexpr uint32_t kRangeCountMax = 1024;
constinit CodeRange ranges[kRangeCountMax] = {};
constinit std::atomic<uint32_t> range_count = 0;

bool has_code(uint64_t start, uint64_t bytes) {
  const uint32_t count = range_count.load();
  for (uint32_t i = 0; i < count && i < kRangeCountMax; ++i)
    if (start < ranges[i].end && ranges[i].start < start + bytes) return true;
  return false;
}

// ---- files ----

bool is_clean(int fd, uint64_t offset, uint64_t bytes) {
  if (bytes > kScanBytesMax) return false;
  CodeScan scan;
  uint8_t piece[4096];
  for (uint64_t at = 0; at < bytes;) {
    const uint64_t wanted = bytes - at < sizeof piece ? bytes - at : sizeof piece;
    const long got = sys::call(SYS_pread64, fd, piece, wanted, offset + at);
    if (got == 0) return scan.is_clean();
    if (got < 0) return false;
    scan.add(piece, static_cast<uint64_t>(got));
    at += static_cast<uint64_t>(got);
  }
  return scan.is_clean();
}

bool is_read_only(int fd) {
  const long flags = sys::call(SYS_fcntl, fd, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) == O_RDONLY;
}

bool is_proven(const Call& call) {
  constexpr int kTypeMask = 0x0f;
  const int flags = call.number_arg(3), fd = call.number_arg(4);
  if ((call.number_arg(2) & PROT_WRITE) || (flags & kTypeMask) != MAP_PRIVATE || (flags & MAP_ANONYMOUS)) return false;
  const uint64_t offset = call.arg(5), bytes = wire::page_up(call.arg(1));
  return is_read_only(fd) && (known_code(fd, offset, bytes) || is_clean(fd, offset, bytes));
}

void before_map(const Call& call) {
  if (!(call.number_arg(2) & PROT_EXEC) || is_proven(call)) return;
  char file[200] = "anonymous memory";
  if (!(call.number_arg(3) & MAP_ANONYMOUS)) {
    const long bytes =
        sys::call(SYS_readlink, (Path() << "/proc/self/fd/" << call.number_arg(4)).text(), file, sizeof file - 1);
    file[bytes > 0 ? bytes : 0] = 0;
  }
  break_seal("mmap", file);
}

bool drops_pages(int advice) {
  constexpr int kDontNeedLocked = 24;
  return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE || advice == kDontNeedLocked;
}

bool maps_vdso(int code_of_call) {
  constexpr int kMapVdsoFirst = 0x2001, kMapVdsoLast = 0x2003; // ARCH_MAP_VDSO_X32, _32, _64
  return code_of_call >= kMapVdsoFirst && code_of_call <= kMapVdsoLast;
}

} // namespace

void guard_code() {
  for (int number : kGuarded) {
    if (is_sealed())
      __atomic_fetch_or(&sp_interest[number].bits, kInterestGuarded, __ATOMIC_RELEASE);
    else
      __atomic_fetch_and(&sp_interest[number].bits, static_cast<uint8_t>(~kInterestGuarded), __ATOMIC_RELEASE);
  }
}

bool remember_code(uint64_t start, uint64_t end) {
  const uint32_t index = range_count.fetch_add(1);
  if (index >= kRangeCountMax) return false;
  ranges[index] = {start, end};
  return true;
}

void before_guarded(const Call& call) {
  if (!is_sealed()) return;
  switch (call.number()) {
    case SYS_mmap: before_map(call); break;
    case SYS_mprotect:
    case SYS_pkey_mprotect:
      if (call.number_arg(2) & PROT_EXEC) break_seal("mprotect", "memory becomes executable");
      break;
    case SYS_mremap:
      if (has_code(call.arg(0), call.arg(1) ? call.arg(1) : 1)) break_seal("mremap", "of executable memory");
      break;
    case SYS_madvise:
      if (drops_pages(call.number_arg(2)) && has_code(call.arg(0), call.arg(1)))
        break_seal("madvise", "drops pages of executable memory");
      break;
    case SYS_process_madvise:
      if (drops_pages(call.number_arg(3))) break_seal("process_madvise", "drops pages");
      break;
    case SYS_shmat:
      if (call.number_arg(2) & SHM_EXEC) break_seal("shmat", "executable shared memory");
      break;
    case SYS_personality:
      if (static_cast<uint32_t>(call.arg(0)) != 0xffffffff && (call.arg(0) & READ_IMPLIES_EXEC))
        break_seal("personality", "READ_IMPLIES_EXEC");
      break;
    case SYS_arch_prctl:
      if (maps_vdso(call.number_arg(0))) break_seal("arch_prctl", "another vdso");
      break;
    default: break;
  }
  if (!is_sealed()) guard_code();
}

void after_guarded(const Call& call, long result) {
  if (call.number() != SYS_mmap || !(call.number_arg(2) & PROT_EXEC) || sys::failed(result) || !is_sealed()) return;
  const auto start = static_cast<uint64_t>(result);
  if (remember_code(start, start + wire::page_up(call.arg(1)))) return;
  break_seal("mmap", "too many pieces of executable memory");
  guard_code();
}

} // namespace sp
