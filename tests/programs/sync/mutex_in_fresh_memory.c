// SPDX-License-Identifier: Apache-2.0
// Locks, semaphores and condition variables in memory that was mapped a moment ago, unmapped and mapped again at the
// same place. Breaks when a futex is keyed by an old page of that address, or the kernel finds no page there (EFAULT).
// calls: mmap munmap futex
// threads: 20
#include "../check.h"
#include <semaphore.h>

static struct fresh {
  pthread_mutex_t mutex;
  pthread_cond_t cond;
  sem_t semaphore;
  int turn;
} * fresh;

static void* body(void* argument) {
  int side = (int)(intptr_t)argument;
  for (int i = 0; i < 20; i++) {
    CHECK(pthread_mutex_lock(&fresh->mutex) == 0);
    while (fresh->turn != side) pthread_cond_wait(&fresh->cond, &fresh->mutex);
    fresh->turn = 1 - side;
    pthread_cond_broadcast(&fresh->cond);
    CHECK(pthread_mutex_unlock(&fresh->mutex) == 0);
  }
  CHECK(side ? sem_wait(&fresh->semaphore) == 0 : sem_post(&fresh->semaphore) == 0);
  return NULL;
}
static void* maps(void* argument) {
  fresh = mmap(argument, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(fresh != MAP_FAILED && fresh->turn == 0);
  pthread_mutex_init(&fresh->mutex, NULL), pthread_cond_init(&fresh->cond, NULL), sem_init(&fresh->semaphore, 0, 0);
  return NULL;
}

int main(void) {
  for (int round = 0; round < 8; round++) {
    round % 2 ? maps(fresh) : join(start(maps, fresh));
    run_together(2, body);
    CHECK(munmap(fresh, 4096) == 0);
  }
  ok();
}
