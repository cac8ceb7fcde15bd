// SPDX-License-Identifier: Apache-2.0
// Readers see the two words that writers keep equal; try and timed locks answer as they should.
// Breaks when waiters of a reader-writer lock are not woken across nodes.
// calls: futex
// threads: 10
#include "../check.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static volatile long first, second;

static void* body(void* argument) {
  for (int i = 0; i < 4000; i++) {
    if ((intptr_t)argument < 2) {
      CHECK(pthread_rwlock_wrlock(&lock) == 0);
      first++;
      if (i % 64 == 0) sched_yield();
      second++;
    } else {
      CHECK(pthread_rwlock_rdlock(&lock) == 0);
      CHECK(first == second);
    }
    CHECK(pthread_rwlock_unlock(&lock) == 0);
  }
  return NULL;
}
static void* busy(void* argument) {
  struct timespec until;
  CHECK(pthread_rwlock_trywrlock(&lock) == EBUSY && pthread_rwlock_tryrdlock(&lock) == EBUSY);
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 2000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  CHECK(pthread_rwlock_timedrdlock(&lock, &until) == ETIMEDOUT);
  return argument;
}

int main(void) {
  run_together(6, body);
  CHECK(first == 8000 && second == 8000);
  CHECK(pthread_rwlock_wrlock(&lock) == 0);
  run_on_each(busy, NULL);
  CHECK(pthread_rwlock_unlock(&lock) == 0);
  ok();
}
