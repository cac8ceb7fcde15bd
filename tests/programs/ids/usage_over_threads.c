// SPDX-License-Identifier: Apache-2.0
// getrusage, times and the process clock count what all threads used, also ended ones; RUSAGE_THREAD counts one's own
// only. Breaks when each resident is counted for itself.
// calls: getrusage times clock_gettime
// threads: 4
#include "../check.h"
#include <sys/resource.h>
#include <sys/times.h>

enum { kBurnUs = 60000 };
static long in_us(struct timeval a, struct timeval b) {
  return (a.tv_sec + b.tv_sec) * 1000000 + a.tv_usec + b.tv_usec;
}
static long clock_us(clockid_t clock) {
  struct timespec now;
  CHECK(clock_gettime(clock, &now) == 0);
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
static long usage_us(int who) {
  struct rusage usage;
  CHECK(getrusage(who, &usage) == 0);
  return in_us(usage.ru_utime, usage.ru_stime);
}
static void* burns(void* argument) {
  while (clock_us(CLOCK_THREAD_CPUTIME_ID) < kBurnUs) {
    for (volatile int i = 0; i < 10000; i++) {
    }
  }
  CHECK(usage_us(RUSAGE_THREAD) >= kBurnUs - 20000 && usage_us(RUSAGE_THREAD) < kBurnUs * 8);
  return argument;
}

int main(void) {
  struct tms tick_before, tick_after;
  long before = usage_us(RUSAGE_SELF), process_before = clock_us(CLOCK_PROCESS_CPUTIME_ID), clock_before = clock();
  times(&tick_before);
  run_together(2, burns);
  run_together(2, burns);
  CHECK(usage_us(RUSAGE_SELF) - before >= 4 * kBurnUs - 20000);
  CHECK(clock_us(CLOCK_PROCESS_CPUTIME_ID) - process_before >= 4 * kBurnUs);
  CHECK(clock() - clock_before >= 4 * kBurnUs - 20000);
  times(&tick_after);
  long ticks = tick_after.tms_utime + tick_after.tms_stime - tick_before.tms_utime - tick_before.tms_stime;
  CHECK(ticks * 1000000 / sysconf(_SC_CLK_TCK) >= 4 * kBurnUs - 60000);
  CHECK(usage_us(RUSAGE_THREAD) < kBurnUs * 4);
  CHECK(tick_after.tms_cutime == 0 && tick_after.tms_cstime == 0);
  ok();
}
