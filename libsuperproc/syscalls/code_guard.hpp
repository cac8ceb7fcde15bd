// SPDX-License-Identifier: Apache-2.0
// The calls that may bring executable memory, while the SubProcess is sealed (sync/sealing.hpp). Dispatch calls
// before_guarded for each, in native processes and for borrowers too: what the call brings is proven, or the seal is broken,
// before the call is made.
//
//   mmap            proven: executable and not writable, private, of a file that is open for reading only, and the file is
//                   known (known_code) or what is mapped holds no way into the kernel (base/code_scan.hpp)
//   mprotect, pkey_mprotect     never: what becomes executable could be written before
//   mremap, madvise             what takes place within executable memory, for its patches could be lost or more appear
//   shmat, personality, arch_prctl   SHM_EXEC, READ_IMPLIES_EXEC, another vdso: never
// Not seen: code that somebody writes past the protection (a debugger, /proc/PID/mem) or into a file that is mapped already.
#pragma once
#include "libsuperproc/syscalls/call.hpp"
#include "libsuperproc/syscalls/interest.hpp"

namespace sp {

// Sets or clears the interest in these calls, as the SubProcess is sealed or not.
void guard_code();

inline bool is_guarded(long number) {
  return static_cast<unsigned long>(number) < kInterestCount && (sp_interest[number].bits & kInterestGuarded);
}
void before_guarded(const Call& call);
void after_guarded(const Call& call, long result);

// Executable memory that was proven. False: no more room.
bool remember_code(uint64_t start, uint64_t end);

inline constexpr uint64_t kScanBytesMax = 1 << 20; // of one mapping; most that is larger holds a pair by chance

// Is this the code of a file that is known to need no trap? Set by the shim.
extern bool (*known_code)(int fd, uint64_t offset, uint64_t bytes);

} // namespace sp
