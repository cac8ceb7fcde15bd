// SPDX-License-Identifier: Apache-2.0
// A contended mutex counts right, and a condition variable passes a turn round a ring of threads.
// Breaks when a futex wake does not reach a waiter on another node, or memory is not the same there.
// calls: futex clone
// threads: 4
#include "../check.h"

enum { kThreads = 4, kRounds = 100000, kTurns = 500 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long count;
static intptr_t turn;

static void* body(void* argument) {
  intptr_t self = (intptr_t)argument;
  for (int i = 0; i < kRounds; i++) {
    pthread_mutex_lock(&lock);
    count++;
    pthread_mutex_unlock(&lock);
  }
  for (int i = 0; i < kTurns; i++) {
    pthread_mutex_lock(&lock);
    while (turn != self) pthread_cond_wait(&changed, &lock);
    turn = (turn + 1) % kThreads;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

int main(void) {
  run_together(kThreads, body);
  CHECK(count == (long)kThreads * kRounds);
  CHECK(turn == 0);
  ok();
}
