// SPDX-License-Identifier: Apache-2.0
// nanosleep, clock_nanosleep absolute and relative, usleep, poll and select time-outs last at least as long as asked.
// Breaks when a sleep goes through a software wait that returns early.
// calls: nanosleep clock_nanosleep poll select clock_gettime
// threads: 4
#include "../check.h"
#include <poll.h>
#include <sys/select.h>

static long now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
static void* body(void* argument) {
  struct timespec five = {0, 5000000}, until, bad = {0, 1000000000};
  struct timeval micro = {0, 5000};
  long begin = now_us();
  CHECK(nanosleep(&five, NULL) == 0 && now_us() - begin >= 5000);
  begin = now_us();
  CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &five, NULL) == 0 && now_us() - begin >= 5000);
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += 5000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0);
  CHECK(now_us() >= until.tv_sec * 1000000 + until.tv_nsec / 1000);
  begin = now_us();
  CHECK(poll(NULL, 0, 5) == 0 && now_us() - begin >= 5000);
  begin = now_us();
  CHECK(select(0, NULL, NULL, NULL, &micro) == 0 && now_us() - begin >= 5000);
  CHECK(nanosleep(&bad, NULL) == -1 && errno == EINVAL);
  CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &five, NULL) == EINVAL);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
