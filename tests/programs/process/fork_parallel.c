// SPDX-License-Identifier: Apache-2.0
// Four threads fork many children each, some of which fork again, while a fifth allocates: all end with their own
// status. Breaks when two forks at once stop each other's threads and wait for ever.
// calls: fork wait4
// threads: 5
#include "../check.h"

static int stop;
static void* allocates(void* argument) {
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    char* memory = malloc(150000);
    memset(memory, 1, 150000);
    free(memory);
  }
  return argument;
}
static void* forks(void* argument) {
  for (int i = 0; i < 15; i++) {
    pid_t child = fork(), grandchild;
    if (child == 0) {
      free(malloc(10000));
      if (i % 5 == 0) {
        if ((grandchild = fork()) == 0) _exit(1);
        CHECK_EXITED(grandchild, 1);
      }
      _exit((int)(intptr_t)argument * 20 + i);
    }
    CHECK_EXITED(child, (int)(intptr_t)argument * 20 + i);
  }
  return NULL;
}

int main(void) {
  pthread_t allocator = start(allocates, NULL);
  run_together(4, forks);
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  join(allocator);
  CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
  ok();
}
