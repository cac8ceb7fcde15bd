// SPDX-License-Identifier: Apache-2.0
// Children that are killed as soon as they exist, more of them than a cluster has records: what each took is free again.
// calls: fork kill wait4
#include "../check.h"

int main(void) {
  for (int i = 0; i < 700; ++i) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
      for (;;) pause();
    CHECK(kill(child, SIGKILL) == 0);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }
  CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
  ok();
}
