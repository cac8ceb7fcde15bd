// SPDX-License-Identifier: Apache-2.0
// pthread_kill with an unhandled SIGUSR1 at a thread ends the whole process with that signal.
// Breaks when a thread-directed fatal signal kills one resident.
// calls: tgkill
// expect: signal USR1
// threads: 3
#include "../check.h"

static void* sleeps(void* argument) {
  for (;;) pause();
  return argument;
}

int main(void) {
  start(sleeps, NULL);
  pthread_t victim = start(sleeps, NULL);
  start(sleeps, NULL);
  sleep_ms(10);
  pthread_kill(victim, SIGUSR1);
  pthread_join(victim, NULL);
  printf("not reached\n");
  fflush(stdout);
  return 0;
}
