// SPDX-License-Identifier: Apache-2.0
// Limits set by one thread hold in all and in children: files, cores, stack; by setrlimit and prlimit on the own pid;
// they take effect. Breaks since limits belong to each resident.
// calls: prlimit64 getrlimit setrlimit
// threads: 11
#include "../check.h"
#include <sys/resource.h>

static rlim_t expected;

static void* sets(void* argument) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = expected;
  CHECK((argument ? prlimit(getpid(), RLIMIT_NOFILE, &limit, NULL) : setrlimit(RLIMIT_NOFILE, &limit)) == 0);
  return NULL;
}
static void* checks(void* argument) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == expected && sysconf(_SC_OPEN_MAX) == (long)expected);
  CHECK(dup2(0, (int)expected) == -1 && errno == EBADF);
  CHECK(dup2(0, (int)expected - 1) == (int)expected - 1 && close((int)expected - 1) == 0);
  return argument;
}

int main(void) {
  expected = 200;
  for (int i = 0; i < 4; i++, expected -= 10) {
    i == 1 ? sets(NULL) : join(start(sets, i % 2 ? (void*)1 : NULL));
    checks(NULL);
    join(start(checks, NULL)), join(start(checks, NULL));
    pid_t child = fork();
    if (child == 0) checks(NULL), _exit(0);
    CHECK_EXITED(child, 0);
  }
  ok();
}
