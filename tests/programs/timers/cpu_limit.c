// SPDX-License-Identifier: Apache-2.0
// RLIMIT_CPU counts the time of all threads: a child with two spinning threads dies by SIGXCPU when they have used it
// up together. Breaks when each resident has a limit of its own.
// calls: setrlimit wait4
// threads: 2
#include "../check.h"
#include <sys/resource.h>

static void* spins(void* argument) {
  for (volatile long i = 0;; i++) {
  }
  return argument;
}

static long milliseconds(const struct rusage* usage) {
  return usage->ru_utime.tv_sec * 1000 + usage->ru_utime.tv_usec / 1000 + usage->ru_stime.tv_sec * 1000 +
         usage->ru_stime.tv_usec / 1000;
}

// What a child under the limit has used when it is killed.
static long limited(void* (*spin)(void*), int threads) {
  struct rlimit one_second = {1, 10};
  struct rusage usage;
  int status;
  pid_t child = fork();
  if (child == 0) {
    CHECK(setrlimit(RLIMIT_CPU, &one_second) == 0);
    for (int i = 1; i < threads; i++) start(spin, NULL);
    if (threads == 1) spin(NULL);
    start(spin, NULL);
    for (;;) pause();
  }
  CHECK(wait4(child, &status, 0, &usage) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
  return milliseconds(&usage);
}

int main(void) {
  struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  run_together(2, nothing);
  // The limit counts time that a hypervisor has stolen, the usage does not: natively 650 ms were seen on a busy machine.
  long alone = limited(spins, 1), together = limited(spins, 2);
  CHECK(alone < 1700 && together < 1700 && together > alone * 3 / 4);
  ok();
}
