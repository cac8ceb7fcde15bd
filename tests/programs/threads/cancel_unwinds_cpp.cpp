// SPDX-License-Identifier: Apache-2.0
// Cancelling a C++ thread runs the destructors of its frames, through the signal frame when it is blocked in a system
// call. Breaks when the shim's frames or a changed signal restorer cannot be unwound.
// calls: tgkill read futex
// threads: 8
#include "../check.h"

static int destroyed, ready, ends[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;

struct Counted {
  ~Counted() { __atomic_fetch_add(&destroyed, 1, __ATOMIC_SEQ_CST); }
};

__attribute__((noinline)) static void deeper(int depth, int kind) {
  Counted counted;
  if (depth > 0) return deeper(depth - 1, kind);
  char byte;
  __atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
  if (kind == 0) CHECK(read(ends[0], &byte, 1) == 1);
  pthread_mutex_lock(&lock);
  for (;;) pthread_cond_wait(&never, &lock);
}

static void* body(void* argument) {
  try {
    deeper(9, static_cast<int>(reinterpret_cast<intptr_t>(argument)));
  } catch (...) {
    __atomic_fetch_add(&destroyed, 100, __ATOMIC_SEQ_CST);
    pthread_mutex_trylock(&lock);
    pthread_mutex_unlock(&lock);
    throw;
  }
  return nullptr;
}

int main() {
  CHECK(pipe(ends) == 0);
  for (intptr_t i = 0; i < 8; i++) {
    __atomic_store_n(&ready, 0, __ATOMIC_SEQ_CST);
    pthread_t thread = start(body, reinterpret_cast<void*>(i % 2));
    EVENTUALLY(__atomic_load_n(&ready, __ATOMIC_SEQ_CST));
    sleep_ms(3);
    CHECK(pthread_cancel(thread) == 0);
    CHECK(join(thread) == PTHREAD_CANCELED);
  }
  CHECK(destroyed == 8 * 110);
  ok();
}
