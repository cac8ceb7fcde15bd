// SPDX-License-Identifier: Apache-2.0
// Handlers leave by siglongjmp again and again: of signals to the thread and to the process, out of sigsuspend, out of a
// blocking read, and one out of the other. Each time the mask is as before and the next signal comes. Breaks when what
// a thread accepts is remembered by code that only the handler's return runs.
// calls: rt_sigprocmask rt_sigsuspend rt_sigqueueinfo tgkill kill read
// threads: 4
#include "../check.h"
#include <setjmp.h>

enum { kRounds = 200 };
static __thread sigjmp_buf back, outer;
static __thread volatile int depth;
static pthread_t target;
static int waiting;

static void on_signal(int number) { siglongjmp(back, number); }
static void on_nested(int number) {
  (void)number;
  if (depth++ == 0) {
    raise(SIGUSR2);
    CHECK(!"went on");
  }
  siglongjmp(outer, 1);
}
static int is_blocked(int number) {
  sigset_t now;
  CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0);
  return sigismember(&now, number);
}
static void* poke(void* argument) {
  for (int i = 0; i < kRounds; i++) {
    EVENTUALLY(__atomic_exchange_n(&waiting, 0, __ATOMIC_SEQ_CST));
    CHECK((i % 2 ? pthread_kill(target, SIGUSR1) : kill(getpid(), SIGUSR1)) == 0);
  }
  return argument;
}
static void* body(void* argument) {
  sigset_t set, none, before;
  sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGRTMIN), sigemptyset(&none);
  for (volatile int i = 0; i < kRounds; i++) {
    if (sigsetjmp(back, 1) == 0) {
      CHECK(pthread_sigmask(SIG_UNBLOCK, &set, &before) == 0);
      CHECK((i % 2 ? raise(SIGUSR1) : kill(getpid(), SIGUSR1)) == 0);
      CHECK(!"went on");
    }
    CHECK(is_blocked(SIGUSR1));
    if (sigsetjmp(back, 1) == 0) {
      CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}) == 0);
      sigsuspend(&none);
      CHECK(!"went on");
    }
    CHECK(is_blocked(SIGRTMIN) && !is_blocked(SIGUSR2));
    depth = 0;
    if (sigsetjmp(outer, 1) == 0) {
      raise(SIGUSR2);
      CHECK(!"went on");
    }
    CHECK(depth == 2 && !is_blocked(SIGUSR2));
  }
  int ends[2];
  char byte;
  CHECK(pipe(ends) == 0);
  target = pthread_self();
  pthread_t poker = start(poke, NULL);
  for (volatile int i = 0; i < kRounds; i++) {
    if (sigsetjmp(back, 1) == 0) {
      pthread_sigmask(SIG_UNBLOCK, &set, NULL);
      __atomic_store_n(&waiting, 1, __ATOMIC_SEQ_CST);
      CHECK(read(ends[0], &byte, 1) == 1);
      CHECK(!"went on");
    }
    CHECK(is_blocked(SIGUSR1));
  }
  join(poker);
  close(ends[0]), close(ends[1]);
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_signal}, nested = {.sa_handler = on_nested, .sa_flags = SA_NODEFER};
  sigaction(SIGUSR1, &action, NULL), sigaction(SIGRTMIN, &action, NULL), sigaction(SIGUSR2, &nested, NULL);
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGRTMIN);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
