// SPDX-License-Identifier: Apache-2.0
// What processes have used, of which the kernel that is asked knows a part: wait4 and waitid tell what a child has used on
// other nodes too, and put it on this process's account; getrusage and times tell of the account (wire/accounts.hpp), and, in
// a body, of its shadow, which was this process before it moved, and waits for what began there.
#pragma once
#include <sys/syscall.h>

#include "libsuperproc/syscalls/call.hpp"

namespace sp {

inline constexpr int kUsageCalls[] = {SYS_wait4, SYS_waitid, SYS_getrusage, SYS_times};

inline bool tells_usage(long number) {
  for (const int one : kUsageCalls)
    if (one == number) return true;
  return false;
}

// After such a call, with what it has returned.
void complete_usage(const Call& call, long result);

} // namespace sp
