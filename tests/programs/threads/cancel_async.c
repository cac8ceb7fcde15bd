// SPDX-License-Identifier: Apache-2.0
// Asynchronous cancellation of a thread that only spins, cancellation disabled and enabled again, and of oneself.
// Breaks when the signal's handler does not unwind on the node where the thread runs.
// calls: tgkill rt_sigreturn
// threads: 12
#include "../check.h"

static int ready, cleaned;

static void clean(void* argument) { __atomic_fetch_add((int*)argument, 1, __ATOMIC_SEQ_CST); }

static void* body(void* argument) {
  int old;
  intptr_t kind = (intptr_t)argument;
  CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old) == 0 && old == PTHREAD_CANCEL_ENABLE);
  pthread_cleanup_push(clean, &cleaned);
  __atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
  if (kind == 1) {
    EVENTUALLY(__atomic_load_n(&ready, __ATOMIC_SEQ_CST) == 2); // cancelled by now, but disabled
    sleep_ms(2);
  }
  if (kind == 2) pthread_cancel(pthread_self());
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
  pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
  for (volatile long i = 0;; i++) {
  }
  pthread_cleanup_pop(0);
  return NULL;
}

int main(void) {
  for (int round = 0; round < 4; round++)
    for (intptr_t kind = 0; kind < 3; kind++) {
      __atomic_store_n(&ready, 0, __ATOMIC_SEQ_CST);
      pthread_t thread = start(body, (void*)kind);
      EVENTUALLY(__atomic_load_n(&ready, __ATOMIC_SEQ_CST));
      if (kind != 2) CHECK(pthread_cancel(thread) == 0);
      if (kind == 1) __atomic_store_n(&ready, 2, __ATOMIC_SEQ_CST);
      CHECK(join(thread) == PTHREAD_CANCELED);
    }
  CHECK(cleaned == 12);
  ok();
}
