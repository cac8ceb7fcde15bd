// SPDX-License-Identifier: Apache-2.0
// setitimer and alarm are one timer of the process: set in one thread, read in another, SIGALRM handled by any.
// Breaks when each resident has its own interval timer.
// calls: setitimer getitimer alarm
// threads: 9
#include "../check.h"
#include <sys/time.h>

static volatile int alarms;
static void on_alarm(int number) {
  (void)number;
  alarms++;
}
static void* sets_alarm(void* argument) {
  CHECK(alarm(100) == 0);
  return argument;
}
static void* reads_alarm(void* argument) {
  struct itimerval now;
  CHECK(getitimer(ITIMER_REAL, &now) == 0 && now.it_value.tv_sec >= 90);
  unsigned left = alarm(0);
  CHECK(left >= 90 && left <= 100);
  return argument;
}
static void* ticks(void* argument) {
  struct itimerval each = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};
  alarms = 0;
  CHECK(setitimer(ITIMER_REAL, &each, NULL) == 0);
  EVENTUALLY(alarms >= 5);
  CHECK(setitimer(ITIMER_REAL, &off, NULL) == 0);
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  for (int i = 0; i < 3; i++) {
    join(start(sets_alarm, NULL));
    if (i == 1)
      reads_alarm(NULL);
    else
      join(start(reads_alarm, NULL));
  }
  ticks(NULL);
  run_on_each(ticks, NULL);
  ok();
}
