// SPDX-License-Identifier: Apache-2.0
// Priority-inheriting mutexes: contended counting, an owner known by tid, time limits, and robust ones whose owner dies. Breaks
// when the tid in the futex word is not one that the kernel can find, or the word is taken for another address's.
// calls: futex
// threads: 10
#include "../check.h"
#include <linux/futex.h>

static pthread_mutex_t mutex, robust;
static long count;
static volatile int tried;

static void make(pthread_mutex_t* made, int robustness) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  CHECK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) == 0);
  CHECK(pthread_mutexattr_setrobust(&attributes, robustness) == 0);
  CHECK(pthread_mutex_init(made, &attributes) == 0);
}
static void* counts(void* argument) {
  for (int i = 0; i < 3000; i++) {
    CHECK(pthread_mutex_lock(&mutex) == 0);
    count++;
    if (i % 100 == 0) sched_yield();
    CHECK(pthread_mutex_unlock(&mutex) == 0);
  }
  return argument;
}
static void* waits(void* argument) {
  CHECK(pthread_mutex_trylock(&mutex) == EBUSY);
  __sync_fetch_and_add(&tried, 1);
  CHECK(pthread_mutex_lock(&mutex) == 0);
  return (void*)(intptr_t)(pthread_mutex_unlock(&mutex) + 1);
}
static void* gives_up(void* argument) {
  struct timespec limit;
  clock_gettime(CLOCK_REALTIME, &limit);
  if ((limit.tv_nsec += 20000000) >= 1000000000) limit.tv_sec++, limit.tv_nsec -= 1000000000;
  CHECK(pthread_mutex_timedlock(&mutex, &limit) == ETIMEDOUT);
  return argument;
}
static void* dies(void* argument) {
  CHECK(pthread_mutex_lock(&robust) == 0);
  return argument;
}

int main(void) {
  make(&mutex, PTHREAD_MUTEX_STALLED);
  run_together(4, counts);
  CHECK(count == 12000);
  pthread_mutex_lock(&mutex);
  pthread_t first = start(waits, NULL), second = start(waits, NULL);
  EVENTUALLY(tried == 2);
  join(start(gives_up, NULL));
  CHECK(syscall(SYS_futex, &mutex.__data.__lock, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL) == -1 &&
        errno == EDEADLK);
  sleep_ms(20); // both wait by now
  CHECK(pthread_mutex_unlock(&mutex) == 0);
  CHECK(join(first) == (void*)1 && join(second) == (void*)1);
  for (int i = 0; i < 3; i++) {
    make(&robust, PTHREAD_MUTEX_ROBUST);
    join(start(dies, NULL));
    CHECK(pthread_mutex_lock(&robust) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&robust) == 0 && pthread_mutex_unlock(&robust) == 0);
  }
  ok();
}
