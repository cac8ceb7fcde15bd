// SPDX-License-Identifier: Apache-2.0
// The first signalfd call and epoll_pwait2, by number: signals are read, a mask holds inside the wait only, SIGSYS in it does no harm.
// Breaks when only the calls that libc uses have their masks looked after.
// calls: signalfd epoll_pwait2 read rt_sigprocmask
// threads: 4
#include "../check.h"
#include <sys/epoll.h>
#include <sys/signalfd.h>

static __thread volatile int handled;
static void on_signal(int number) {
  (void)number;
  handled++;
}
static void* body(void* argument) {
  uint64_t mask = 1ul << (SIGUSR1 - 1) | 1ul << (SIGSYS - 1), all = ~0ul, open_in_call = ~(1ul << (SIGUSR2 - 1));
  struct signalfd_siginfo info;
  struct epoll_event event = {.events = EPOLLIN};
  struct timespec none = {0, 0}, limit = {20, 0};
  int fd = (int)syscall(SYS_signalfd, -1, &mask, 8L), epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(fd >= 0 && epoll >= 0);
  CHECK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8L) == 0);
  CHECK(raise(SIGUSR1) == 0);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
  long count = syscall(SYS_epoll_pwait2, epoll, &event, 1, &none, &all, 8L);
  CHECK(count == 1 || (count == -1 && errno == ENOSYS));
  CHECK(read(fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1);
  CHECK(raise(SIGUSR2) == 0 && handled == 0);
  if (count == 1) {
    CHECK(syscall(SYS_epoll_pwait2, epoll, &event, 1, &limit, &open_in_call, 8L) == -1 && errno == EINTR &&
          handled == 1);
    CHECK(syscall(SYS_epoll_pwait2, epoll, &event, 1, &none, &all, 8L) == 0);
  }
  close(fd), close(epoll);
  sigset_t set;
  sigemptyset(&set);
  CHECK(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0 && handled == 1);
  handled = 0;
  return argument;
}

int main(void) {
  signal(SIGUSR2, on_signal);
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
