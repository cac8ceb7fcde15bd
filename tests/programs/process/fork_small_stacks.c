// SPDX-License-Identifier: Apache-2.0
// One thread forks again and again while threads with small stacks, on every node, get the CPU only when it sleeps: a
// thread that was stopped for one fork is stopped for the next before it has gone on. Breaks when a stop's signal frame
// lies on the frame of the stop before, and so on, until the stack is full.
// calls: fork
// threads: 5
#include "../check.h"
#include <sys/resource.h>

enum { kRounds = 3, kForks = 100 };
static int ready, stop;

static void* waits(void* argument) {
  CHECK(setpriority(PRIO_PROCESS, (id_t)gettid(), 19) == 0);
  __atomic_add_fetch(&ready, 1, __ATOMIC_RELAXED);
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) usleep(1000000);
  return argument;
}

int main(void) {
  pthread_attr_t small;
  CHECK(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 32768) == 0);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], &small, waits, NULL) == 0);
  EVENTUALLY(__atomic_load_n(&ready, __ATOMIC_RELAXED) == 4);
  for (int round = 0; round < kRounds; round++) {
    pid_t children[kForks];
    for (int i = 0; i < kForks; i++) {
      CHECK((children[i] = fork()) >= 0);
      if (children[i] == 0) _exit(i);
    }
    for (int i = 0; i < kForks; i++) CHECK_EXITED(children[i], i);
  }
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  for (int i = 0; i < 4; i++) join(threads[i]);
  ok();
}
