// SPDX-License-Identifier: Apache-2.0
// An alarm set in a thread, not handled: the whole process dies by SIGALRM.
// Breaks when the timer's signal kills one resident.
// calls: alarm setitimer
// expect: signal ALRM
// threads: 2
#include "../check.h"
#include <sys/time.h>

static void* sets(void* argument) {
  struct itimerval soon = {{0, 0}, {0, 5000}};
  CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
  for (;;) pause();
  return argument;
}

int main(void) {
  join(start(nothing, NULL));
  start(sets, NULL);
  sleep_ms(20000);
  printf("not reached\n");
  return 0;
}
