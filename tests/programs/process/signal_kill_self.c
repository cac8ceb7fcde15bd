// SPDX-License-Identifier: Apache-2.0
// A thread kills its own process with SIGKILL: all of it dies at once and the parent sees SIGKILL.
// Breaks when only one resident gets it.
// calls: kill getpid
// expect: signal KILL
// threads: 2
#include "../check.h"

static void* sleeps(void* argument) {
  for (;;) pause();
  return argument;
}
static void* kills(void* argument) {
  kill(getpid(), SIGKILL);
  printf("not reached\n");
  fflush(stdout);
  return argument;
}

int main(void) {
  start(sleeps, NULL);
  start(kills, NULL);
  for (;;) pause();
}
