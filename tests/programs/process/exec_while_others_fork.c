// SPDX-License-Identifier: Apache-2.0
// A program becomes another, some hundred times, while its other threads fork. Breaks when what stops a thread for a fork
// reaches it in exec, and so the next program, which knows nothing of it.
// calls: execve fork wait4
// threads: 2
#include "../check.h"

enum { kTurns = 100, kThreads = 3 };

static void* forks_for_ever(void* unused) {
  for (;;) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child > 0) waitpid(child, NULL, 0);
  }
  return unused;
}

int main(int count, char** arguments) {
  int left = count == 2 ? atoi(arguments[1]) : kTurns;
  while (waitpid(-1, NULL, 0) > 0) { // what exec has left
  }
  CHECK(errno == ECHILD);
  if (left == 0) {
    for (int i = 0; i < 4; i++) join(start(nothing, NULL));
    ok();
    return 0;
  }
  char number[12];
  for (int i = 0; i < kThreads; i++) start(forks_for_ever, NULL);
  for (volatile int i = 0; i < left % 8 * 200000;) i = i + 1;
  snprintf(number, sizeof number, "%d", left - 1);
  execl("/proc/self/exe", arguments[0], number, NULL);
  CHECK(!"execl");
}
