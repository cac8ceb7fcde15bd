// SPDX-License-Identifier: Apache-2.0
// Recursive, error-checking and timed mutexes know their owner by thread id and answer EDEADLK, EPERM, EBUSY,
// ETIMEDOUT. Breaks when the tid that glibc keeps in the thread is not unique over the nodes.
// calls: futex gettid
// threads: 8
#include "../check.h"

static pthread_mutex_t recursive, checking;

static void make(pthread_mutex_t* mutex, int kind) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  CHECK(pthread_mutexattr_settype(&attributes, kind) == 0);
  CHECK(pthread_mutex_init(mutex, &attributes) == 0);
}
static void* owns(void* argument) {
  for (int i = 0; i < 3; i++) CHECK(pthread_mutex_lock(&recursive) == 0);
  for (int i = 0; i < 3; i++) CHECK(pthread_mutex_unlock(&recursive) == 0);
  CHECK(pthread_mutex_unlock(&recursive) == EPERM);
  CHECK(pthread_mutex_lock(&checking) == 0);
  CHECK(pthread_mutex_lock(&checking) == EDEADLK);
  CHECK(pthread_mutex_unlock(&checking) == 0);
  CHECK(pthread_mutex_unlock(&checking) == EPERM);
  return argument;
}
static void* others(void* argument) {
  struct timespec until;
  CHECK(pthread_mutex_trylock(&recursive) == EBUSY && pthread_mutex_trylock(&checking) == EBUSY);
  CHECK(pthread_mutex_unlock(&checking) == EPERM);
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 2000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  CHECK(pthread_mutex_timedlock(&checking, &until) == ETIMEDOUT);
  clock_gettime(CLOCK_MONOTONIC, &until);
  CHECK(pthread_mutex_clocklock(&recursive, CLOCK_MONOTONIC, &until) == ETIMEDOUT);
  return argument;
}

int main(void) {
  make(&recursive, PTHREAD_MUTEX_RECURSIVE);
  make(&checking, PTHREAD_MUTEX_ERRORCHECK);
  owns(NULL);
  run_on_each(owns, NULL);
  pthread_mutex_lock(&recursive), pthread_mutex_lock(&checking);
  run_on_each(others, NULL);
  CHECK(pthread_mutex_unlock(&recursive) == 0 && pthread_mutex_unlock(&checking) == 0);
  ok();
}
