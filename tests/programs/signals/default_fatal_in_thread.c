// SPDX-License-Identifier: Apache-2.0
// A null dereference in a thread ends the whole process by SIGSEGV with a core, although main is waiting in join.
// Breaks when only the resident dies: join would return first and the program go on.
// calls: exit_group
// expect: signal SEGV core
// threads: 3
#include "../check.h"

static void* crashes(void* argument) {
  *(volatile int*)argument = 1;
  return NULL;
}

int main(void) {
  join(start(nothing, NULL));
  pthread_t thread = start(nothing, NULL), other = start(crashes, (void*)8);
  pthread_join(other, NULL);
  printf("not reached\n");
  fflush(stdout);
  join(thread);
  return 0;
}
