// SPDX-License-Identifier: Apache-2.0
// Which system calls return EINTR after any handler, SA_RESTART or not; see signal(7).
#pragma once
#include <sys/syscall.h>

namespace sp {

constexpr bool never_restarts(long number) {
  switch (number) {
    case SYS_poll:
    case SYS_ppoll:
    case SYS_select:
    case SYS_pselect6:
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_semop:
    case SYS_semtimedop:
    case SYS_msgrcv:
    case SYS_msgsnd: return true;
    default: return false;
  }
}

} // namespace sp
