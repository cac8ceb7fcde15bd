// SPDX-License-Identifier: Apache-2.0
// RUSAGE_CHILDREN, times and wait4's usage count a child and the threads of the child, and nothing but the program's
// children. Breaks when residents of the child are not its own, or those of the parent are taken for its children.
// calls: wait4 getrusage times fork
// threads: 2
#include "../check.h"
#include <sys/resource.h>

enum { kBurnUs = 50000 };
static long total_us(const struct rusage* usage) {
  return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 + usage->ru_utime.tv_usec +
         usage->ru_stime.tv_usec;
}
static void* burns(void* argument) {
  struct timespec now;
  do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  while (now.tv_nsec < kBurnUs * 1000 && now.tv_sec == 0);
  return argument;
}

int main(void) {
  struct rusage usage;
  CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0 && total_us(&usage) == 0);
  run_together(2, burns);
  CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0 && total_us(&usage) == 0);
  pid_t child = fork();
  if (child == 0) {
    run_together(2, burns);
    _exit(0);
  }
  CHECK(wait4(child, NULL, 0, &usage) == child && total_us(&usage) >= 2 * kBurnUs - 20000);
  CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0 && total_us(&usage) >= 2 * kBurnUs - 20000);
  ok();
}
