// SPDX-License-Identifier: Apache-2.0
// All signals blocked, by libc and by an inline rt_sigprocmask; inline system calls still work, also in handlers with
// a full sa_mask. Breaks since a dispatched call with SIGSYS blocked kills the process.
// calls: rt_sigprocmask rt_sigaction getppid ppoll rt_sigsuspend
// threads: 8
#include "../check.h"
#include <poll.h>

static long inline_call(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}
static __thread volatile int handled;
static void on_signal(int number) {
  (void)number;
  CHECK(inline_call(SYS_getpid, 0, 0, 0, 0) == getpid());
  handled++;
}
static void* body(void* argument) {
  sigset_t all, none, now;
  uint64_t raw_all = ~0ul, raw_now = 0;
  sigfillset(&all), sigemptyset(&none);
  for (int i = 0; i < 20; i++) {
    if (argument == NULL)
      CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    else
      CHECK(inline_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&raw_all, 0, 8) == 0);
    CHECK(inline_call(SYS_getppid, 0, 0, 0, 0) == getppid() && inline_call(SYS_gettid, 0, 0, 0, 0) == gettid());
    CHECK(inline_call(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&raw_now, 8) == 0 && (raw_now >> (SIGSYS - 1) & 1) == 1);
    CHECK((raw_now >> (SIGUSR1 - 1) & 1) == 1 && (raw_now >> (SIGKILL - 1) & 1) == 0);
    raise(SIGUSR1);
    CHECK(handled == 0);
    CHECK(inline_call(SYS_rt_sigsuspend, (long)&none, 8, 0, 0) == -EINTR && handled == 1);
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGSYS) == 1 &&
          sigismember(&now, SIGUSR1) == 1);
    CHECK(pthread_sigmask(SIG_SETMASK, &none, NULL) == 0);
    raise(SIGUSR1);
    CHECK(handled == 2 && inline_call(SYS_getpid, 0, 0, 0, 0) == getpid());
    handled = 0;
  }
  return NULL;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigfillset(&action.sa_mask);
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  body(NULL), body((void*)1);
  run_on_each(body, NULL), run_on_each(body, (void*)1);
  ok();
}
