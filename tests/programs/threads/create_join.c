// SPDX-License-Identifier: Apache-2.0
// Threads are created and joined; arguments and results pass through pthread_create and pthread_join, TLS is each
// thread's own. Breaks when the registers, TLS base or CLEARTID address of a remote thread are not those that clone
// was given.
// calls: clone futex exit
// threads: 37
#include "../check.h"

static __thread int own = 5;

static void* body(void* argument) {
  CHECK(own == 5);
  own += (int)(intptr_t)argument;
  CHECK(own == 5 + (int)(intptr_t)argument);
  return (void*)((intptr_t)argument * 100);
}

static void* leaves_deep(void* argument) {
  if ((intptr_t)argument > 0) leaves_deep((void*)((intptr_t)argument - 1));
  pthread_exit((void*)77);
}

int main(void) {
  for (int round = 0; round < 4; round++) {
    pthread_t threads[8];
    for (intptr_t i = 0; i < 8; i++) threads[i] = start(body, (void*)i);
    for (intptr_t i = 0; i < 8; i++) CHECK(join(threads[i]) == (void*)(i * 100));
  }
  for (int i = 0; i < 4; i++) CHECK(join(start(leaves_deep, (void*)5)) == (void*)77);
  pthread_t thread = start(body, (void*)9);
  EVENTUALLY(pthread_tryjoin_np(thread, NULL) == 0);
  CHECK(own == 5);
  ok();
}
