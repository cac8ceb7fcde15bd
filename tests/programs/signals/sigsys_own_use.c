// SPDX-License-Identifier: Apache-2.0
// The program itself uses SIGSYS: sets and reads its action, raises it, sends it by kill, tgkill and sigqueue, blocks
// and awaits it. Breaks since Syscall User Dispatch owns SIGSYS: the program's view has to be kept apart, by si_code.
// calls: rt_sigaction rt_sigprocmask rt_sigtimedwait kill tgkill rt_sigqueueinfo rt_sigpending
// threads: 8
#include "../check.h"

static volatile int handled, code, value;

static void on_sigsys(int number, siginfo_t* info, void* context) {
  (void)context;
  CHECK(number == SIGSYS && info->si_pid == getpid());
  code = info->si_code, value = info->si_value.sival_int;
  __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
}
static void* body(void* argument) {
  struct sigaction now;
  sigset_t set, old, pending;
  siginfo_t info;
  struct timespec none = {0, 0};
  sigemptyset(&set), sigaddset(&set, SIGSYS);
  handled = 0;
  CHECK(sigaction(SIGSYS, NULL, &now) == 0 && now.sa_sigaction == on_sigsys &&
        (now.sa_flags & ~0x04000000) == SA_SIGINFO);
  CHECK(raise(SIGSYS) == 0 && handled == 1 && code == SI_TKILL);
  CHECK(pthread_sigmask(SIG_BLOCK, &set, &old) == 0 && sigismember(&old, SIGSYS) == 0);
  CHECK(raise(SIGSYS) == 0 && handled == 1);
  getppid();
  CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGSYS) == 1);
  CHECK(pthread_sigmask(SIG_UNBLOCK, &set, &old) == 0 && sigismember(&old, SIGSYS) == 1 && handled == 2);
  CHECK(pthread_sigmask(SIG_BLOCK, &set, &old) == 0 && sigismember(&old, SIGSYS) == 0);
  CHECK(pthread_sigqueue(pthread_self(), SIGSYS, (union sigval){.sival_int = 9}) == 0);
  CHECK(sigtimedwait(&set, &info, &none) == SIGSYS && info.si_value.sival_int == 9 && info.si_code == SI_QUEUE);
  CHECK(sigtimedwait(&set, &info, &none) == -1 && errno == EAGAIN);
  CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && handled == 2);
  return argument;
}
static void* from_process(void* argument) {
  handled = 0;
  CHECK(kill(getpid(), SIGSYS) == 0);
  EVENTUALLY(__atomic_load_n(&handled, __ATOMIC_SEQ_CST) == 1);
  CHECK(code == SI_USER);
  CHECK(sigqueue(getpid(), SIGSYS, (union sigval){.sival_int = 5}) == 0);
  EVENTUALLY(__atomic_load_n(&handled, __ATOMIC_SEQ_CST) == 2);
  CHECK(code == SI_QUEUE && value == 5);
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO}, old;
  CHECK(sigaction(SIGSYS, &action, &old) == 0 && old.sa_handler == SIG_DFL);
  body(NULL), from_process(NULL);
  run_on_each(body, NULL), run_on_each(from_process, NULL);
  CHECK(signal(SIGSYS, SIG_IGN) != SIG_ERR);
  CHECK(raise(SIGSYS) == 0 && kill(getpid(), SIGSYS) == 0);
  CHECK(signal(SIGSYS, SIG_DFL) == SIG_IGN);
  ok();
}
