// SPDX-License-Identifier: Apache-2.0
// SA_RESETHAND: the handler runs once and the action is the default again, seen in every thread; sigaction reads back
// all fields. Breaks when actions are kept in each resident.
// calls: rt_sigaction
// threads: 8
#include "../check.h"

static volatile int handled;
static void on_signal(int number) {
  (void)number;
  handled++;
}
static void* is_default(void* argument) {
  struct sigaction now;
  CHECK(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
  return argument;
}
static void* sets(void* argument) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND | SA_RESTART}, now;
  sigaddset(&action.sa_mask, SIGUSR2), sigaddset(&action.sa_mask, SIGRTMAX);
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  CHECK(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == on_signal &&
        (now.sa_flags & ~0x04000000) == (int)(SA_RESETHAND | SA_RESTART));
  for (int i = 1; i < 65; i++)
    if (i != 32 && i != 33) CHECK(sigismember(&now.sa_mask, i) == (i == SIGUSR2 || i == SIGRTMAX));
  return argument;
}

int main(void) {
  struct sigaction now;
  for (int i = 0; i < 4; i++) {
    join(start(sets, NULL));
    CHECK(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == on_signal);
    raise(SIGUSR1);
    CHECK(handled == i + 1);
    join(start(is_default, NULL));
    is_default(NULL);
  }
  signal(SIGUSR1, SIG_IGN);
  raise(SIGUSR1), kill(getpid(), SIGUSR1);
  CHECK(handled == 4);
  struct sigaction bad = {.sa_handler = on_signal};
  CHECK(sigaction(SIGKILL, &bad, NULL) == -1 && errno == EINVAL);
  CHECK(sigaction(65, &bad, NULL) == -1 && errno == EINVAL);
  ok();
}
