// SPDX-License-Identifier: Apache-2.0
// A thread sends SIGTERM to its own process, not handled: all threads die by SIGTERM, without a core.
// Breaks when a default action is taken by one resident.
// calls: kill
// expect: signal TERM
// threads: 3
#include "../check.h"

static void* sleeps(void* argument) {
  for (;;) pause();
  return argument;
}
static void* kills(void* argument) {
  kill(getpid(), SIGTERM);
  for (;;) pause();
  return argument;
}

int main(void) {
  start(sleeps, NULL), start(sleeps, NULL), start(kills, NULL);
  for (;;) pause();
}
