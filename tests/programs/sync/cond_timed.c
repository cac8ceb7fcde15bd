// SPDX-License-Identifier: Apache-2.0
// Condition variables with deadlines on both clocks, signals that wake one waiter only, and broadcast that wakes all.
// Breaks when requeue or a futex deadline is handled in software across nodes and loses or adds a wake.
// calls: futex clock_gettime
// threads: 10
#include "../check.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, monotonic;
static int waiting, tokens, taken;

static void* times_out(void* argument) {
  for (int i = 0; i < 2; i++) {
    struct timespec until, now;
    clockid_t clock = i ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    clock_gettime(clock, &until);
    until.tv_nsec += 5000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&mutex);
    int error;
    while ((error = pthread_cond_timedwait(i ? &monotonic : &cond, &mutex, &until)) == 0) {
    }
    CHECK(error == ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    clock_gettime(clock, &now);
    CHECK(now.tv_sec > until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec));
  }
  return argument;
}
static void* takes(void* argument) {
  pthread_mutex_lock(&mutex);
  waiting++;
  while (tokens == 0) pthread_cond_wait(&cond, &mutex);
  tokens--, taken++;
  pthread_mutex_unlock(&mutex);
  return argument;
}
static int locked_read(int* value) {
  pthread_mutex_lock(&mutex);
  int result = *value;
  pthread_mutex_unlock(&mutex);
  return result;
}

int main(void) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
        pthread_cond_init(&monotonic, &attributes) == 0);
  run_on_each(times_out, NULL);
  pthread_t threads[6];
  for (int i = 0; i < 6; i++) threads[i] = start(takes, NULL);
  EVENTUALLY(locked_read(&waiting) == 6);
  for (int i = 1; i <= 3; i++) {
    pthread_mutex_lock(&mutex), tokens++, pthread_cond_signal(&cond), pthread_mutex_unlock(&mutex);
    EVENTUALLY(locked_read(&taken) == i);
  }
  pthread_mutex_lock(&mutex), tokens = 3, pthread_cond_broadcast(&cond), pthread_mutex_unlock(&mutex);
  for (int i = 0; i < 6; i++) join(threads[i]);
  CHECK(taken == 6 && tokens == 0);
  ok();
}
