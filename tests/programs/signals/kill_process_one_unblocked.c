// SPDX-License-Identifier: Apache-2.0
// A process-directed signal that all threads but one block is handled by that one, wherever it runs, also if it was
// pending. Breaks when a signal stays pending in the home process, whose threads all block it.
// calls: kill rt_sigprocmask rt_sigpending
// threads: 20
#include "../check.h"

static volatile int handled, open_now, pending_seen;
static volatile pid_t by;

static void on_signal(int number) {
  (void)number;
  by = gettid();
  __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
}
static void* takes(void* argument) {
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR1);
  int before = __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
  if (argument == NULL) pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  __atomic_store_n(&open_now, 1, __ATOMIC_SEQ_CST);
  if (argument != NULL) {
    EVENTUALLY(__atomic_load_n(&pending_seen, __ATOMIC_SEQ_CST));
    sigset_t pending;
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 1);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
    CHECK(handled == before + 1); // delivered before the call returns
  }
  EVENTUALLY(__atomic_load_n(&handled, __ATOMIC_SEQ_CST) == before + 1);
  CHECK(by == gettid());
  return NULL;
}

int main(void) {
  sigset_t set, pending;
  sigemptyset(&set), sigaddset(&set, SIGUSR1);
  CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
  struct sigaction action = {.sa_handler = on_signal};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  for (int i = 0; i < 8; i++) {
    open_now = pending_seen = 0;
    pthread_t other = start(nothing, NULL), thread = start(takes, i < 4 ? NULL : (void*)1);
    join(other);
    EVENTUALLY(__atomic_load_n(&open_now, __ATOMIC_SEQ_CST));
    CHECK(kill(getpid(), SIGUSR1) == 0);
    if (i >= 4) CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 1);
    __atomic_store_n(&pending_seen, 1, __ATOMIC_SEQ_CST);
    join(thread);
    if (i % 2 == 0) join(start(nothing, NULL));
  }
  CHECK(handled == 8 && sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1));
  ok();
}
