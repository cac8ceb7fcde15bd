// SPDX-License-Identifier: Apache-2.0
// A process-shared mutex, condition variable, semaphore and barrier in shared anonymous memory work between threads
// of this process and of its fork child. Breaks when conversion makes the mapping private to the process or copies it.
// calls: mmap fork futex
// threads: 6
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

static struct shared* map(void) {
  void* memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}

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

int main(void) {
  pthread_mutexattr_t mutex_attributes;
  pthread_condattr_t cond_attributes;
  pthread_barrierattr_t barrier_attributes;
  pthread_mutexattr_init(&mutex_attributes), pthread_condattr_init(&cond_attributes),
      pthread_barrierattr_init(&barrier_attributes);
  pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
  pthread_condattr_setpshared(&cond_attributes, PTHREAD_PROCESS_SHARED);
  pthread_barrierattr_setpshared(&barrier_attributes, PTHREAD_PROCESS_SHARED);
  shared = map();
  for (int round = 0; round < 4; round++) {
    if (round == 2)
      run_on_each(nothing, NULL), munmap(shared, 8192), shared = map(); // now one mapped after the first thread
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
  ok();
}
