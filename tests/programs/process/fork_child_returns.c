// SPDX-License-Identifier: Apache-2.0
// A fork child that returns from its thread's function ends with status 0, one that returns from main or calls
// pthread_exit likewise; its stdio is flushed once. Breaks when the child waits for threads that it does not have.
// calls: fork exit_group
// threads: 8
// output: same
#include "../check.h"

static pid_t child;

static void* forks(void* argument) {
  fflush(stdout);
  child = fork();
  if (child == 0) {
    printf("child of a thread\n");
    if (argument != NULL) pthread_exit(NULL);
    return NULL;
  }
  CHECK_EXITED(child, 0);
  return NULL;
}

int main(void) {
  run_on_each(forks, NULL);
  run_on_each(forks, (void*)1);
  for (int i = 0; i < 2; i++) {
    fflush(stdout);
    child = fork();
    if (child == 0) {
      printf("child of main %d\n", i);
      if (i) pthread_exit(NULL);
      return 33;
    }
    CHECK_EXITED(child, i ? 0 : 33);
  }
  ok();
}
