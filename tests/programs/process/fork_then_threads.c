// SPDX-License-Identifier: Apache-2.0
// A child of a threaded process makes threads of its own, on several nodes again, which map, lock, fork and exit;
// grandchildren too. Breaks when the child keeps the parent's residents, agents or arenas in its tables.
// calls: fork clone wait4 mmap
// threads: 4
#include "../check.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int count;

static void* works(void* argument) {
  for (int i = 0; i < 1000; i++) {
    pthread_mutex_lock(&lock);
    count++;
    pthread_mutex_unlock(&lock);
  }
  char* memory = mmap(NULL, 100000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(memory, 1, 100000);
  free(malloc(500000));
  return (void*)(intptr_t)(memory[99999] + munmap(memory, 100000) + (argument != NULL));
}
static void* forks(void* argument) {
  intptr_t depth = (intptr_t)argument;
  pid_t child = fork();
  if (child == 0) {
    count = 0;
    run_together(4, works);
    CHECK(count == 4000);
    if (depth > 0) {
      forks((void*)(depth - 1));
      join(start(forks, (void*)(depth - 1)));
    }
    if (depth == 1) exit(7);
    _exit(7);
  }
  CHECK_EXITED(child, 7);
  return NULL;
}

int main(void) {
  forks(NULL);
  run_together(2, works);
  forks((void*)2);
  join(start(forks, (void*)1)), join(start(forks, (void*)1));
  CHECK(count == 2000);
  ok();
}
