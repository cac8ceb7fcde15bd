// SPDX-License-Identifier: Apache-2.0
// ITIMER_PROF and ITIMER_VIRTUAL count the processor time of all threads of the process; SIGPROF and SIGVTALRM arrive.
// Breaks when time used on other nodes does not count.
// calls: setitimer
// threads: 4
#include "../check.h"
#include <sys/time.h>

static volatile int profiled, virtual_alarms;
static void on_signal(int number) { number == SIGPROF ? profiled++ : virtual_alarms++; }

static void* burns(void* argument) {
  time_t limit = time(NULL) + 20;
  profiled = virtual_alarms = 0;
  while ((profiled < 2 || virtual_alarms < 2) && time(NULL) < limit)
    for (volatile int i = 0; i < 10000; i++) {
    }
  CHECK(profiled >= 2 && virtual_alarms >= 2);
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGPROF, &action, NULL), sigaction(SIGVTALRM, &action, NULL);
  struct itimerval each = {{0, 4000}, {0, 4000}}, off = {{0, 0}, {0, 0}};
  CHECK(setitimer(ITIMER_PROF, &each, NULL) == 0 && setitimer(ITIMER_VIRTUAL, &each, NULL) == 0);
  run_on_each(burns, NULL);
  CHECK(setitimer(ITIMER_PROF, &off, NULL) == 0 && setitimer(ITIMER_VIRTUAL, &off, NULL) == 0);
  ok();
}
