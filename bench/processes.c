// SPDX-License-Identifier: Apache-2.0
// Children of a threaded process with little memory: one that only exits, and one that becomes another program.
#define _GNU_SOURCE
#include "bench/probe.h"
#include "bench/windows.h"
#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static void wait_for_success(pid_t child) {
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child did not exit with 0");
}

static pid_t fork_one(void) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  require(child > 0, "fork failed");
  return child;
}

static pid_t spawn_one(void) {
  static char* const arguments[] = {(char*)"true", NULL};
  pid_t child = -1;
  require(posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ) == 0, "posix_spawn of /bin/true failed");
  return child;
}

static double start_and_wait_us(pid_t (*start)(void), int64_t run_ns) {
  static struct Windows windows;
  start_sleeper();
  windows_open(&windows, run_ns);
  while (windows_go_on(&windows)) {
    int64_t begin_ns = now_ns();
    wait_for_success(start());
    windows_add(&windows, (double)(now_ns() - begin_ns) * 1e-3);
  }
  return windows_median(&windows);
}

double fork_exit_wait(int64_t run_ns) { return start_and_wait_us(fork_one, run_ns); }
double spawn_wait(int64_t run_ns) { return start_and_wait_us(spawn_one, run_ns); }
