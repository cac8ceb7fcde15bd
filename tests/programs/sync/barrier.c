// SPDX-License-Identifier: Apache-2.0
// A barrier used many times: in each round all have arrived before one goes on, and exactly one is the serial thread.
// Breaks when a wake of many waiters reaches only those of one node.
// calls: futex
// threads: 5
#include "../check.h"

enum { kThreads = 5, kRounds = 300 };
static pthread_barrier_t barrier;
static int arrived[kRounds], serial;

static void* body(void* argument) {
  for (int i = 0; i < kRounds; i++) {
    __atomic_fetch_add(&arrived[i], 1, __ATOMIC_SEQ_CST);
    int result = pthread_barrier_wait(&barrier);
    CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
    if (result != 0) __atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
    CHECK(__atomic_load_n(&arrived[i], __ATOMIC_SEQ_CST) == kThreads);
  }
  return argument;
}

int main(void) {
  CHECK(pthread_barrier_init(&barrier, NULL, kThreads) == 0);
  run_together(kThreads, body);
  CHECK(serial == kRounds && pthread_barrier_destroy(&barrier) == 0);
  ok();
}
