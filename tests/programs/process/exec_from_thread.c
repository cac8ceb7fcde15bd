// SPDX-License-Identifier: Apache-2.0
// A thread calls exec while main and others run, several times in a chain: the process keeps its pid, threads vanish,
// memory is new. Breaks when exec in a remote thread replaces the resident, whose pid is another one.
// calls: execve getpid
#include "../check.h"

static char pid[20], step[20];
static void* sleeps(void* argument) {
  for (;;) pause();
  return argument;
}
static void* executes(void* argument) {
  execl(argument, argument, pid, step, NULL);
  CHECK(!"exec failed");
  return argument;
}

int main(int argc, char** argv) {
  int now = argc > 2 ? atoi(argv[2]) : 0;
  if (argc > 1) CHECK(atoi(argv[1]) == getpid() && gettid() == getpid());
  if (now == 6) {
    ok();
    return 0;
  }
  snprintf(pid, sizeof pid, "%d", getpid());
  snprintf(step, sizeof step, "%d", now + 1);
  start(sleeps, NULL);
  if (now % 2) start(sleeps, NULL);
  start(executes, argv[0]);
  if (now % 3 == 0) pthread_exit(NULL); // /proc/self/exe is no more then, so argv[0] is executed
  for (;;) pause();
}
