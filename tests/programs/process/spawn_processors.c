// SPDX-License-Identifier: Apache-2.0
// What threads and main start with vfork, posix_spawn, fork and exec has all processors of the program, already before its
// exec; what the child or its parent chose for itself stays. Breaks when a node's processors are handed on.
// calls: vfork clone execve execveat sched_setaffinity sched_getaffinity
// threads: 4
#include "../check.h"

#include <spawn.h>

extern char** environ;
static char self[4096];
static int all;

static int processors(void) {
  cpu_set_t set;
  CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
  return CPU_COUNT(&set);
}
static void choose_one(void) {
  cpu_set_t set, one;
  CPU_ZERO(&one);
  CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
    if (CPU_ISSET(i, &set)) CPU_SET(i, &one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
}

static char* const count[] = {self, (char*)"count", NULL};
static void by_exec(void) { execv(self, count); }
static void by_descriptor(void) { fexecve(open(self, O_RDONLY | O_CLOEXEC), count, environ); }
static void by_one(void) { choose_one(), execv(self, count); }

static void vfork_and(void (*exec)(void), int expected) {
  volatile int before = 0;
  const pid_t child = vfork();
  if (child == 0) {
    before = processors();
    exec();
    _exit(99);
  }
  CHECK_EXITED(child, expected);
  CHECK(before == (exec == by_one ? all : expected) && "before exec");
}
static void fork_and(void (*exec)(void), int expected) {
  const pid_t child = fork();
  if (child == 0) {
    exec();
    _exit(99);
  }
  CHECK_EXITED(child, expected);
}
static void spawn(int expected) {
  pid_t child;
  CHECK(posix_spawn(&child, self, NULL, NULL, count, environ) == 0);
  CHECK_EXITED(child, expected);
}
static void start_all(int expected) {
  vfork_and(by_exec, expected);
  vfork_and(by_descriptor, expected);
  fork_and(by_exec, expected);
  fork_and(by_descriptor, expected);
  spawn(expected);
  CHECK(processors() == expected);
}

static void* body(void* argument) {
  start_all(all);
  vfork_and(by_one, 1);
  fork_and(by_one, 1);
  start_all(all);
  if (argument != NULL) {
    choose_one();
    start_all(1);
  }
  return argument;
}

int main(int argument_count, char** arguments) {
  all = processors();
  if (argument_count > 1 && strcmp(arguments[1], "count") == 0) return all;
  CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  run_on_each(body, self);
  body(NULL);
  ok();
}
