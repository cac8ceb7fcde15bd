// SPDX-License-Identifier: Apache-2.0
// What pshared_anonymous and pshared_file have in common: a process-shared mutex, condition variable, semaphore and barrier
// between threads of this process and of its fork child, in memory made by map_shared(), before and after the first thread.
#pragma once
#include "../check.h"
#include <semaphore.h>

enum { kRounds = 300 };
struct shared {
  pthread_mutex_t mutex;
  pthread_cond_t cond;
  pthread_barrier_t barrier;
  sem_t semaphore;
  int turn, count;
};

static void* map_shared(void); // 8192 bytes

static struct shared* shared;

static void* plays(void* side) {
  for (int i = 0; i < kRounds; i++) {
    CHECK(pthread_mutex_lock(&shared->mutex) == 0);
    while (shared->turn != (intptr_t)side) CHECK(pthread_cond_wait(&shared->cond, &shared->mutex) == 0);
    shared->turn ^= 1, shared->count++;
    pthread_cond_broadcast(&shared->cond);
    pthread_mutex_unlock(&shared->mutex);
  }
  int result = pthread_barrier_wait(&shared->barrier);
  CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
  CHECK(shared->count == 2 * kRounds);
  CHECK(sem_post(&shared->semaphore) == 0);
  return NULL;
}

static void play_rounds(void) {
  pthread_mutexattr_t mutex_attributes;
  pthread_condattr_t cond_attributes;
  pthread_barrierattr_t barrier_attributes;
  pthread_mutexattr_init(&mutex_attributes), pthread_condattr_init(&cond_attributes),
      pthread_barrierattr_init(&barrier_attributes);
  pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
  pthread_condattr_setpshared(&cond_attributes, PTHREAD_PROCESS_SHARED);
  pthread_barrierattr_setpshared(&barrier_attributes, PTHREAD_PROCESS_SHARED);
  shared = (struct shared*)map_shared();
  for (int round = 0; round < 4; round++) {
    if (round == 2)
      run_on_each(nothing, NULL), munmap(shared, 8192), shared = map_shared(); // now one mapped after the first thread
    shared->turn = shared->count = 0;
    CHECK(pthread_mutex_init(&shared->mutex, &mutex_attributes) == 0 &&
          pthread_cond_init(&shared->cond, &cond_attributes) == 0);
    CHECK(pthread_barrier_init(&shared->barrier, &barrier_attributes, 2) == 0 &&
          sem_init(&shared->semaphore, 1, 0) == 0);
    pid_t child = fork();
    if (child == 0) round % 2 ? join(start(plays, NULL)) : plays(NULL), _exit(0);
    round % 2 ? plays((void*)1) : join(start(plays, (void*)1));
    CHECK(sem_wait(&shared->semaphore) == 0 && sem_wait(&shared->semaphore) == 0);
    CHECK_EXITED(child, 0);
  }
}
