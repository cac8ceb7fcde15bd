// SPDX-License-Identifier: Apache-2.0
// main returns 42 while threads run; stdio is flushed, atexit functions run once, and the status is main's.
// Breaks when the home node waits for threads of others, or their end replaces the status.
// calls: exit_group
// expect: exit 42
// threads: 4
// output: same
#include "../check.h"

static void at_exit(void) { printf("at exit\n"); }

static void* body(void* argument) {
  __atomic_fetch_add((int*)argument, 1, __ATOMIC_SEQ_CST);
  for (;;) pause();
}

int main(void) {
  static int started;
  CHECK(atexit(at_exit) == 0);
  for (int i = 0; i < 4; i++) start(body, &started);
  EVENTUALLY(__atomic_load_n(&started, __ATOMIC_SEQ_CST) == 4);
  printf("leaving\n");
  return 42;
}
