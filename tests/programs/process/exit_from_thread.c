// SPDX-License-Identifier: Apache-2.0
// A thread calls exit(43) while main and others wait: the process ends with that status, its output is flushed.
// Breaks when only the resident process of that node ends.
// calls: exit_group
// expect: exit 43
// threads: 4
// output: same
#include "../check.h"
#include <semaphore.h>

static sem_t all_started;

static void* sleeps(void* argument) {
  for (;;) pause();
  return argument;
}
static void* leaves(void* argument) {
  while (sem_wait(&all_started) != 0) {
  }
  printf("exit from a thread\n");
  exit(43);
  return argument;
}

int main(void) {
  for (int i = 0; i < 2; i++) start(sleeps, NULL);
  start(leaves, NULL);
  start(sleeps, NULL);
  sem_post(&all_started);
  for (;;) pause();
}
