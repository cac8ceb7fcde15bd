// SPDX-License-Identifier: Apache-2.0
// The futex call itself: WAIT with a stale value, WAKE counts, time-outs, REQUEUE, WAKE_OP, BITSET, private and not.
// Breaks when a software futex knows only what glibc uses, or private futexes are keyed by the resident.
// calls: futex
// threads: 8
#include "../check.h"
#include <linux/futex.h>

static int words[2], waiting, woken;

static long futex(int* word, int operation, int value, const void* timeout_or_count, int* second, int third) {
  return syscall(SYS_futex, word, operation, value, timeout_or_count, second, third);
}
static void* waits(void* argument) {
  int mask = (int)(intptr_t)argument;
  __atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
  CHECK(futex(&words[0], FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, mask) == 0);
  __atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
  return NULL;
}
static void* simple(void* argument) {
  struct timespec soon = {0, 2000000};
  CHECK(futex(&words[0], FUTEX_WAIT, 1, NULL, NULL, 0) == -1 && errno == EAGAIN);
  CHECK(futex(&words[0], FUTEX_WAIT, 0, &soon, NULL, 0) == -1 && errno == ETIMEDOUT);
  CHECK(futex(&words[0], FUTEX_WAKE, 5, NULL, NULL, 0) == 0);
  CHECK(futex((int*)1, FUTEX_WAKE, 1, NULL, NULL, 0) == -1 && errno == EINVAL);
  return argument;
}

int main(void) {
  run_on_each(simple, NULL);
  pthread_t threads[4];
  for (intptr_t i = 0; i < 4; i++) threads[i] = start(waits, (void*)(intptr_t)(i < 2 ? 1 : 2));
  EVENTUALLY(__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) == 4);
  sleep_ms(50);
  CHECK(futex(&words[0], FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 9, NULL, NULL, 4) == 0);
  long done = 0;
  EVENTUALLY((done += futex(&words[0], FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 9, NULL, NULL, 1)) == 2);
  EVENTUALLY(__atomic_load_n(&woken, __ATOMIC_SEQ_CST) == 2);
  // The other two: one woken at once, one moved to the second word and woken from there.
  done = 0;
  EVENTUALLY((done += futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, done == 0, (void*)9, &words[1], 0)) == 2);
  CHECK(futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void*)9, &words[1], 7) == -1 && errno == EAGAIN);
  EVENTUALLY(__atomic_load_n(&woken, __ATOMIC_SEQ_CST) == 3);
  CHECK(futex(&words[0], FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, (void*)1, &words[1],
              FUTEX_OP(FUTEX_OP_SET, 6, FUTEX_OP_CMP_EQ, 0)) == 1);
  CHECK(words[1] == 6);
  for (int i = 0; i < 4; i++) join(threads[i]);
  CHECK(woken == 4);
  ok();
}
