// SPDX-License-Identifier: Apache-2.0
// A handler interrupted by another signal's handler; sa_mask and SA_NODEFER decide what may nest; the mask is restored
// after. Breaks when masks in signal frames are changed by the way the shim keeps SIGSYS out of them.
// calls: rt_sigaction rt_sigprocmask tgkill
// threads: 4
#include "../check.h"

static __thread volatile int depth, deepest, inner;

static void on_inner(int number) {
  (void)number;
  inner++;
}
static void on_signal(int number) {
  if (++depth > deepest) deepest = depth;
  if (number == SIGUSR1 && depth < 3) raise(SIGUSR1); // nests only with SA_NODEFER
  int before = inner;
  raise(SIGUSR2); // in sa_mask or not
  if (number == SIGALRM) CHECK(inner == before);
  if (number == SIGUSR1) CHECK(inner == before + 1);
  depth--;
}
static void* body(void* argument) {
  sigset_t before, after;
  depth = deepest = inner = 0;
  sigprocmask(SIG_SETMASK, NULL, &before);
  CHECK(raise(SIGUSR1) == 0 && deepest == 3 && inner == 3);
  deepest = inner = 0;
  CHECK(raise(SIGALRM) == 0 && deepest == 1 && inner == 1);
  sigprocmask(SIG_SETMASK, NULL, &after);
  for (int i = 1; i < 65; i++) CHECK(sigismember(&before, i) == sigismember(&after, i));
  return argument;
}

int main(void) {
  struct sigaction deferred = {.sa_handler = on_signal}, nodefer = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};
  struct sigaction simple = {.sa_handler = on_inner};
  sigaddset(&deferred.sa_mask, SIGUSR2);
  sigaction(SIGUSR1, &nodefer, NULL), sigaction(SIGALRM, &deferred, NULL), sigaction(SIGUSR2, &simple, NULL);
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
