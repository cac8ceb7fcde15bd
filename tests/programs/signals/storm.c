// SPDX-License-Identifier: Apache-2.0
// Threads send one another signals while they allocate, lock and print into memory: nothing is lost, nothing hangs.
// Breaks when a signal arrives inside the shim's own critical section.
// calls: tgkill futex mmap munmap
// threads: 4
#include "../check.h"

enum { kThreads = 4 };
static pthread_t threads[kThreads];
static int handled[kThreads], sent[kThreads], ready, done;
static __thread int self = -1;

static void on_signal(int number) {
  (void)number;
  __atomic_fetch_add(&handled[self], 1, __ATOMIC_SEQ_CST);
}
static void* body(void* argument) {
  self = (int)(intptr_t)argument;
  threads[self] = pthread_self();
  __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&ready, __ATOMIC_SEQ_CST) == kThreads);
  for (int i = 0; i < 300; i++) {
    int other = (self + 1 + i % (kThreads - 1)) % kThreads;
    if (pthread_sigqueue(threads[other], SIGRTMIN + 1, (union sigval){0}) == 0)
      __atomic_fetch_add(&sent[other], 1, __ATOMIC_SEQ_CST);
    char* memory = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    snprintf(memory, 100, "%d", i);
    CHECK(atoi(memory) == i && munmap(memory, 16384) == 0);
    void* block = malloc(100 + i * 500);
    CHECK(block != NULL && getppid() > 0);
    free(block);
  }
  __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&done, __ATOMIC_SEQ_CST) >= kThreads);
  EVENTUALLY(__atomic_load_n(&handled[self], __ATOMIC_SEQ_CST) == __atomic_load_n(&sent[self], __ATOMIC_SEQ_CST));
  __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&done, __ATOMIC_SEQ_CST) == 2 * kThreads);
  return NULL;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGRTMIN + 1, &action, NULL);
  run_together(kThreads, body);
  ok();
}
