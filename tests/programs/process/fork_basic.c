// SPDX-License-Identifier: Apache-2.0
// fork from main and from threads: the child has its own copy of memory, goes on in the thread that forked, and ends
// by itself. Breaks when the child shares the parent's segment, or comes back on a stack or TLS of another thread.
// calls: fork wait4 clone
// threads: 4
#include "../check.h"

static int global = 1;
static __thread int own;

static void* forks(void* argument) {
  int local = 3, *heap = malloc(sizeof *heap);
  own = 10;
  global = *heap = 2;
  pid_t parent = getpid(), child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(getppid() == parent && getpid() != parent && global == 2 && *heap == 2 && local == 3 && own == 10);
    global = *heap = local = own = 99;
    char* memory = malloc(100000);
    memset(memory, 1, 100000);
    free(memory);
    _exit(5);
  }
  CHECK_EXITED(child, 5);
  CHECK(global == 2 && *heap == 2 && local == 3 && own == 10);
  free(heap);
  return argument;
}

int main(void) {
  forks(NULL); // not yet converted
  run_on_each(forks, NULL);
  forks(NULL);
  ok();
}
