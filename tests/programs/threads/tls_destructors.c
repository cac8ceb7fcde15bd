// SPDX-License-Identifier: Apache-2.0
// pthread keys: each thread has its own values, destructors run at its end, again when they set a value, not for NULL.
// Breaks when a remote thread ends without glibc's exit path, or its specific data is another thread's.
// calls: exit
// threads: 8
#include "../check.h"

static pthread_key_t key, again;
static int destroyed, destroyed_again;

static void destroy(void* value) {
  CHECK(pthread_getspecific(key) == NULL);
  __atomic_fetch_add(&destroyed, (int)(intptr_t)value, __ATOMIC_SEQ_CST);
}
static void destroy_again(void* value) {
  __atomic_fetch_add(&destroyed_again, 1, __ATOMIC_SEQ_CST);
  if ((intptr_t)value > 1) pthread_setspecific(again, (void*)((intptr_t)value - 1));
}

static void* body(void* argument) {
  CHECK(pthread_getspecific(key) == NULL && pthread_getspecific(again) == NULL);
  pthread_setspecific(key, (void*)((intptr_t)argument + 1));
  pthread_setspecific(again, (void*)3);
  sched_yield();
  CHECK(pthread_getspecific(key) == (void*)((intptr_t)argument + 1));
  if ((intptr_t)argument % 2) pthread_exit(NULL);
  return NULL;
}

int main(void) {
  CHECK(pthread_key_create(&key, destroy) == 0 && pthread_key_create(&again, destroy_again) == 0);
  run_together(8, body);
  CHECK(destroyed == 36 && destroyed_again == 24);
  CHECK(pthread_getspecific(key) == NULL);
  ok();
}
