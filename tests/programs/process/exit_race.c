// SPDX-License-Identifier: Apache-2.0
// Children whose threads call _exit, exit_group and return from main at the same moment: the parent sees one of the
// statuses. Breaks when two residents both think that they end the process, and one waits for the other.
// calls: exit_group fork wait4
// threads: 2
#include "../check.h"

static int gate;
static void* leaves(void* argument) {
  while (!__atomic_load_n(&gate, __ATOMIC_SEQ_CST)) sched_yield();
  _exit(50 + (int)(intptr_t)argument);
}

int main(void) {
  run_together(2, nothing);
  for (int round = 0; round < 15; round++) {
    pid_t child = fork();
    if (child == 0) {
      for (intptr_t i = 0; i < 4; i++) start(leaves, (void*)i);
      __atomic_store_n(&gate, 1, __ATOMIC_SEQ_CST);
      _exit(54);
    }
    int status = status_of(child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) >= 50 && WEXITSTATUS(status) <= 54);
  }
  ok();
}
