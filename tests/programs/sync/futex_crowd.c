// SPDX-License-Identifier: Apache-2.0
// Many more threads than processors on a few words: tokens that are taken by waiting and given by waking, waits with short
// limits in between, requeues, threads that come and go. No token is lost, nobody sleeps for ever.
// Breaks when a wake-up is lost between the look at the value and the sleep, or a waiter's place is given to two.
// calls: futex
// threads: 96
#include "../check.h"
#include <linux/futex.h>

enum { kThreads = 24, kRounds = 4, kTurns = 150, kWords = 3 };
static int tokens[kWords], taken;

static long futex(int* word, int operation, long value, const void* limit, int* second, int third) {
  return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, limit, second, third);
}
static int try_take(int* word) {
  int seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
  while (seen > 0)
    if (__atomic_compare_exchange_n(word, &seen, seen - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return 1;
  return 0;
}
static void give(int* word) {
  __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
  CHECK(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0) >= 0);
}
static void* body(void* argument) {
  const struct timespec soon = {0, 300000};
  unsigned self = (unsigned)(intptr_t)argument;
  for (unsigned i = 0; i < kTurns; i++) {
    int* word = &tokens[(self + i) % kWords];
    while (!try_take(word)) {
      long result = futex(word, FUTEX_WAIT, 0, (self + i) % 4 ? NULL : &soon, NULL, 0);
      CHECK(result == 0 || errno == EAGAIN || errno == ETIMEDOUT);
    }
    __atomic_fetch_add(&taken, 1, __ATOMIC_SEQ_CST);
    if (i % 16 == 0) // those that are moved to their own word keep their places
      CHECK(futex(word, FUTEX_REQUEUE, 0, (void*)2, word, 0) >= 0);
    give(word);
  }
  return NULL;
}

int main(void) {
  for (int i = 0; i < kWords; i++) tokens[i] = 2;
  for (int round = 0; round < kRounds; round++) {
    pthread_t threads[kThreads];
    for (intptr_t i = 0; i < kThreads; i++) threads[i] = start(body, (void*)i);
    for (int i = 0; i < kThreads; i++) join(threads[i]);
  }
  CHECK(taken == kThreads * kRounds * kTurns);
  for (int i = 0; i < kWords; i++) CHECK(tokens[i] == 2 && futex(&tokens[i], FUTEX_WAKE, 1, NULL, NULL, 0) == 0);
  ok();
}
