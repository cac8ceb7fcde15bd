// SPDX-License-Identifier: Apache-2.0
// Unnamed semaphores: a bounded buffer between threads, timed waits that run out, sem_trywait, EINTR by a handler.
// Breaks when a post does not wake a waiter of another node.
// calls: futex tgkill
// threads: 9
#include "../check.h"
#include <semaphore.h>

enum { kItems = 3000 };
static sem_t free_slots, full_slots, other;
static int buffer[4], interrupted;

static void* produces(void* argument) {
  for (int i = 0; i < kItems; i++) {
    CHECK(sem_wait(&free_slots) == 0);
    buffer[i % 4] = i;
    CHECK(sem_post(&full_slots) == 0);
  }
  return argument;
}
static void* consumes(void* argument) {
  for (int i = 0; i < kItems; i++) {
    CHECK(sem_wait(&full_slots) == 0);
    CHECK(buffer[i % 4] == i);
    CHECK(sem_post(&free_slots) == 0);
  }
  return argument;
}
static void* times_out(void* argument) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 2000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  CHECK(sem_timedwait(&other, &until) == -1 && errno == ETIMEDOUT);
  CHECK(sem_trywait(&other) == -1 && errno == EAGAIN);
  return argument;
}
static void on_signal(int number) { (void)number; }
static void* is_interrupted(void* argument) {
  while (sem_wait(&other) == -1) {
    CHECK(errno == EINTR);
    __atomic_store_n(&interrupted, 1, __ATOMIC_SEQ_CST);
  }
  return argument;
}

int main(void) {
  CHECK(sem_init(&free_slots, 0, 4) == 0 && sem_init(&full_slots, 0, 0) == 0 && sem_init(&other, 0, 0) == 0);
  pthread_t producer = start(produces, NULL), consumer = start(consumes, NULL);
  join(producer), join(consumer);
  run_on_each(times_out, NULL);
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL);
  for (int i = 0; i < 3; i++) {
    interrupted = 0;
    pthread_t waiter = start(is_interrupted, NULL);
    for (int n = 0; n < 5000 && !__atomic_load_n(&interrupted, __ATOMIC_SEQ_CST); n++)
      pthread_kill(waiter, SIGUSR1), sleep_ms(1);
    CHECK(interrupted && sem_post(&other) == 0);
    join(waiter);
  }
  ok();
}
