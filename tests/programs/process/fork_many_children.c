// SPDX-License-Identifier: Apache-2.0
// Many children at once, wherever they run: each computes on its copy of the parent's memory, answers through a pipe that
// all have, and ends in its own way: exit, a signal of its own, a signal of the parent's, exec. Breaks when two that move at
// the same time meet.
// calls: fork pipe write read wait4 kill execve
#include "../check.h"

enum { kChildren = 24 };

int main(void) {
  static int numbers[100000];
  int ends[2], ready[2], told[kChildren] = {0};
  pid_t children[kChildren];
  CHECK(pipe(ends) == 0 && pipe(ready) == 0);
  for (int i = 0; i < 100000; i++) numbers[i] = i;
  for (int i = 0; i < kChildren; i++) {
    numbers[0] = i;
    children[i] = fork();
    CHECK(children[i] >= 0);
    if (children[i] != 0) continue;
    long sum = 0;
    for (int k = 1; k < 100000; k++) sum += numbers[k];
    CHECK(sum == 4999950000 && numbers[0] == i);
    CHECK(write(ends[1], &i, sizeof i) == sizeof i);
    if (i % 4 == 0) _exit(i);
    if (i % 4 == 1) raise(SIGKILL);
    if (i % 4 == 2) execl("/bin/sh", "sh", "-c", "exit 77", NULL);
    for (;;) pause();
  }
  for (int i = 0, one; i < kChildren; i++) {
    CHECK(read(ends[0], &one, sizeof one) == sizeof one && one >= 0 && one < kChildren && !told[one]);
    told[one] = 1;
    if (one % 4 == 3) CHECK(kill(children[one], SIGTERM) == 0);
  }
  for (int i = 0; i < kChildren; i++) {
    int status = 0;
    CHECK(waitpid(children[i], &status, 0) == children[i]);
    if (i % 4 == 0) CHECK(WIFEXITED(status) && WEXITSTATUS(status) == i);
    if (i % 4 == 1) CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    if (i % 4 == 2) CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 77);
    if (i % 4 == 3) CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  }
  ok();
}
