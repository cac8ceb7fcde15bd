// SPDX-License-Identifier: Apache-2.0
// Lines that many threads print in turn under a lock come out whole and in order, through one stdio buffer.
// Breaks when stdout's buffer or its lock is not shared, or is flushed once for each node at exit.
// calls: write futex
// threads: 6
// output: same
#include "../check.h"

enum { kThreads = 6, kLines = 50 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int next;

static void* body(void* argument) {
  for (int i = 0; i < kLines; i++) {
    pthread_mutex_lock(&lock);
    while (next % kThreads != (intptr_t)argument) pthread_cond_wait(&changed, &lock);
    printf("line %d of thread %d\n", next++, (int)(intptr_t)argument);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

int main(void) {
  run_together(kThreads, body);
  CHECK(next == kThreads * kLines);
  ok();
}
