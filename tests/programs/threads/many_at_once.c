// SPDX-License-Identifier: Apache-2.0
// 200 threads at once, all waiting at one barrier, each on a stack of its own.
// Breaks when an agent's slots, the stack range or the thread table are too small.
// calls: clone mmap mprotect futex
// threads: 200
#include "../check.h"

static pthread_barrier_t barrier;
static int arrived;

static void* body(void* argument) {
  char stack[5000];
  memset(stack, (int)(intptr_t)argument & 0x7f, sizeof stack);
  __atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
  pthread_barrier_wait(&barrier);
  CHECK(arrived == 200 && stack[4999] == ((intptr_t)argument & 0x7f));
  return NULL;
}

int main(void) {
  CHECK(pthread_barrier_init(&barrier, NULL, 200) == 0);
  run_together(200, body);
  ok();
}
