// SPDX-License-Identifier: Apache-2.0
// Deferred cancellation in pause, read, cond_wait and nanosleep: cleanup handlers run, the mutex is held in them, join
// says so. Breaks where the SIGCANCEL handler sees a sender (si_pid) that is not its own process and ignores it.
// calls: tgkill futex read pause nanosleep
// threads: 48
#include "../check.h"

static int ready, cleaned, pipe_ends[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;

static void clean(void* argument) {
  if (argument != NULL) CHECK(pthread_mutex_unlock(argument) == 0);
  __atomic_fetch_add(&cleaned, 1, __ATOMIC_SEQ_CST);
}

static void* body(void* argument) {
  char byte;
  intptr_t kind = (intptr_t)argument;
  if (kind == 0) pthread_mutex_lock(&lock);
  pthread_cleanup_push(clean, kind == 0 ? &lock : NULL);
  __atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
  for (;;) {
    if (kind == 0) pthread_cond_wait(&never, &lock);
    if (kind == 1) CHECK(read(pipe_ends[0], &byte, 1) == 1);
    if (kind == 2) pause();
    if (kind == 3) sleep_ms(100000);
  }
  pthread_cleanup_pop(0);
  return NULL;
}

int main(void) {
  CHECK(pipe(pipe_ends) == 0);
  for (int round = 0; round < 4; round++)
    for (intptr_t kind = 0; kind < 4; kind++) {
      __atomic_store_n(&ready, 0, __ATOMIC_SEQ_CST);
      pthread_t thread = start(body, (void*)kind);
      if (round % 2 == 0) run_on_each(nothing, NULL);
      EVENTUALLY(__atomic_load_n(&ready, __ATOMIC_SEQ_CST));
      sleep_ms(round * 4);
      CHECK(pthread_cancel(thread) == 0);
      CHECK(join(thread) == PTHREAD_CANCELED);
    }
  CHECK(cleaned == 16);
  CHECK(pthread_mutex_trylock(&lock) == 0);
  ok();
}
