// SPDX-License-Identifier: Apache-2.0
// A thread dies holding a robust mutex: the next locker gets EOWNERDEAD, also one that was waiting already; then
// ENOTRECOVERABLE. Breaks when the robust list of a remote thread is unknown to the kernel that ends it.
// calls: set_robust_list futex exit
// threads: 16
#include "../check.h"

static pthread_mutex_t mutex;
static int held;

static void make(void) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  CHECK(pthread_mutex_init(&mutex, &attributes) == 0);
}
static void* dies(void* argument) {
  CHECK(pthread_mutex_lock(&mutex) == 0);
  __atomic_store_n(&held, 1, __ATOMIC_SEQ_CST);
  if (argument != NULL) sleep_ms(10);
  return NULL;
}
static void* recovers(void* argument) {
  CHECK(pthread_mutex_lock(&mutex) == EOWNERDEAD);
  CHECK(pthread_mutex_consistent(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
  CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
  return argument;
}
static void* gives_up(void* argument) {
  CHECK(pthread_mutex_lock(&mutex) == EOWNERDEAD && pthread_mutex_unlock(&mutex) == 0);
  CHECK(pthread_mutex_lock(&mutex) == ENOTRECOVERABLE);
  return argument;
}

int main(void) {
  for (int i = 0; i < 4; i++) {
    make();
    join(start(dies, NULL));
    i % 2 ? recovers(NULL) : join(start(recovers, NULL));
    held = 0;
    pthread_t owner = start(dies, (void*)1);
    EVENTUALLY(__atomic_load_n(&held, __ATOMIC_SEQ_CST));
    recovers(NULL); // while it is held
    join(owner);
    join(start(dies, NULL));
    i % 2 ? gives_up(NULL) : join(start(gives_up, NULL));
  }
  ok();
}
