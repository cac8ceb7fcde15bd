// SPDX-License-Identifier: Apache-2.0
// sigsuspend, ppoll, pselect and epoll_pwait with masks: a blocked signal is taken inside the call only, the mask is
// back after. Breaks when masks given to these calls block SIGSYS, or are applied in the wrong place.
// calls: rt_sigsuspend ppoll pselect6 epoll_pwait tgkill
// threads: 20
#include "../check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static __thread volatile int handled;
static int ready;
static void on_signal(int number) {
  (void)number;
  handled++;
}
static void* body(void* argument) {
  sigset_t blocked, open_in_call, now;
  struct timespec limit = {20, 0}, none = {0, 0};
  struct epoll_event event;
  sigfillset(&blocked);
  pthread_sigmask(SIG_SETMASK, &blocked, NULL);
  sigfillset(&open_in_call), sigdelset(&open_in_call, SIGUSR1);
  CHECK(ppoll(NULL, 0, &none, &blocked) == 0);
  __atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&ready, __ATOMIC_SEQ_CST) == 2);
  CHECK(handled == 0);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  switch ((intptr_t)argument) {
    case 0: CHECK(sigsuspend(&open_in_call) == -1); break;
    case 1: CHECK(ppoll(NULL, 0, &limit, &open_in_call) == -1); break;
    case 2: CHECK(pselect(0, NULL, NULL, NULL, &limit, &open_in_call) == -1); break;
    case 3: CHECK(epoll_pwait(epoll, &event, 1, 20000, &open_in_call) == -1); break;
  }
  CHECK(errno == EINTR && handled == 1);
  close(epoll);
  CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1) == 1 &&
        sigismember(&now, SIGSYS) == 1);
  return NULL;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL);
  for (int round = 0; round < 4; round++)
    for (intptr_t kind = 0; kind < 4; kind++) {
      ready = 0;
      pthread_t thread = start(body, (void*)kind);
      EVENTUALLY(__atomic_load_n(&ready, __ATOMIC_SEQ_CST) == 1);
      CHECK(pthread_kill(thread, SIGUSR1) == 0);
      __atomic_store_n(&ready, 2, __ATOMIC_SEQ_CST);
      join(thread);
      if (kind == 1) join(start(nothing, NULL));
    }
  ok();
}
