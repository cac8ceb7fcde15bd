// SPDX-License-Identifier: Apache-2.0
// A stack overflow in a thread without an alternate stack ends the process by SIGSEGV; join in main must not return
// first. Breaks when the kernel, unable to write the frame, kills the resident only, and CLEARTID wakes the joiner.
// calls: exit_group
// expect: signal SEGV core
// threads: 3
#include "../check.h"

static int recurse(int depth) {
  volatile char frame[2048];
  frame[0] = frame[2047] = (char)depth;
  return recurse(depth + 1) + frame[0] + frame[2047];
}
static void* overflows(void* argument) {
  CHECK(recurse(0));
  return argument;
}

int main(void) {
  join(start(nothing, NULL));
  pthread_t thread = start(nothing, NULL);
  join(start(overflows, NULL));
  printf("not reached\n");
  fflush(stdout);
  join(thread);
  return 0;
}
