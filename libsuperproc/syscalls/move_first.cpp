// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/move_first.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "libsuperproc/process/remote_fork.hpp"

namespace sp {

namespace {

constexpr uint16_t kMoveFirst[] = {SYS_read,          SYS_write,           SYS_readv,           SYS_writev,
                                   SYS_pread64,       SYS_pwrite64,        SYS_preadv,          SYS_pwritev,
                                   SYS_sendfile,      SYS_splice,          SYS_getdents64,      SYS_mmap,
                                   SYS_munmap,        SYS_mremap,          SYS_madvise,         SYS_poll,
                                   SYS_ppoll,         SYS_select,          SYS_pselect6,        SYS_epoll_create,
                                   SYS_epoll_create1, SYS_epoll_wait,      SYS_epoll_pwait,     SYS_nanosleep,
                                   SYS_pause,         SYS_clock_nanosleep, SYS_rt_sigsuspend,   SYS_rt_sigtimedwait,
                                   SYS_sched_yield,   SYS_socket,          SYS_socketpair,      SYS_connect,
                                   SYS_accept,        SYS_accept4,         SYS_sendto,          SYS_recvfrom,
                                   SYS_sendmsg,       SYS_recvmsg,         SYS_alarm,           SYS_setitimer,
                                   SYS_timer_create,  SYS_timerfd_create,  SYS_eventfd2,        SYS_signalfd4,
                                   SYS_inotify_init1, SYS_semop,           SYS_msgsnd,          SYS_msgrcv,
                                   SYS_clock_gettime, SYS_getrandom,       SYS_times,           SYS_getrusage,
                                   SYS_semtimedop,    SYS_mq_timedsend,    SYS_mq_timedreceive, SYS_mq_notify};

} // namespace

void move_first(bool is_undecided) {
  for (const uint16_t number : kMoveFirst) {
    if (is_undecided)
      __atomic_fetch_or(&sp_interest[number].bits, kInterestDecides, __ATOMIC_RELEASE);
    else
      __atomic_fetch_and(&sp_interest[number].bits, static_cast<uint8_t>(~kInterestDecides), __ATOMIC_RELEASE);
  }
}

void decide_before(const Call& call) {
  const bool maps_file = call.number() == SYS_mmap && !(call.number_arg(3) & MAP_ANONYMOUS);
  if (maps_file || call.number() == SYS_sendmsg || call.number() == SYS_recvmsg) return stay();
  decide();
}

} // namespace sp
