// SPDX-License-Identifier: Apache-2.0
// Waiters are woken in the order of their coming; a requeue keeps it, and those behind whoever was moved are woken on the
// new word only; WAKE_OP wakes on both words by what it found; each operation and comparison of it.
// Breaks when a queue is kept by node and not by time, or waiters that were moved are looked for on the word they came for.
// calls: futex
// threads: 22
#include "../check.h"
#include <linux/futex.h>

enum { kWaiters = 6 };
static int words[2], came, order[kWaiters], woken;

static long futex(int* word, int operation, long value, long second_value, int* second, int third) {
  return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, second_value, second, third);
}
static void* waits(void* argument) {
  __atomic_fetch_add(&came, 1, __ATOMIC_SEQ_CST);
  CHECK(futex(&words[0], FUTEX_WAIT, 0, 0, NULL, 0) == 0);
  order[__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST)] = (int)(intptr_t)argument;
  return NULL;
}
static void line_up(pthread_t* threads) {
  came = woken = 0;
  for (intptr_t i = 0; i < kWaiters; i++) {
    threads[i] = start(waits, (void*)i);
    EVENTUALLY(__atomic_load_n(&came, __ATOMIC_SEQ_CST) == i + 1);
    sleep_ms(30);
  }
}
static void wake_next(int* word, int expected) {
  int before = __atomic_load_n(&woken, __ATOMIC_SEQ_CST);
  CHECK(futex(word, FUTEX_WAKE, 1, 0, NULL, 0) == 1);
  EVENTUALLY(__atomic_load_n(&woken, __ATOMIC_SEQ_CST) == before + 1);
  CHECK(order[before] == expected);
}
static void join_all(pthread_t* threads) {
  for (int i = 0; i < kWaiters; i++) join(threads[i]);
  CHECK(futex(&words[0], FUTEX_WAKE, 99, 0, NULL, 0) == 0 && futex(&words[1], FUTEX_WAKE, 99, 0, NULL, 0) == 0);
}

static void* operations(void* argument) {
  static __thread int word, none;
  const struct {
    int operation, argument, before, after;
  } each[] = {{FUTEX_OP_SET, 5, 3, 5},  {FUTEX_OP_ADD, -1, 3, 2}, {FUTEX_OP_OR, 4, 3, 7},
              {FUTEX_OP_ANDN, 1, 3, 2}, {FUTEX_OP_XOR, 6, 3, 5},  {FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT, 4, 3, 19}};
  for (unsigned i = 0; i < sizeof each / sizeof each[0]; i++) {
    word = each[i].before;
    CHECK(futex(&none, FUTEX_WAKE_OP, 1, 1, &word, FUTEX_OP(each[i].operation, each[i].argument & 0xfff, 0, 3)) == 0);
    CHECK(word == each[i].after);
  }
  CHECK(futex(&none, FUTEX_WAKE_OP, 1, 1, &word, 6 << 28) == -1 && errno == ENOSYS);
  CHECK(futex(&none, FUTEX_WAKE_OP, 1, 1, NULL, 0) == -1 && errno == EFAULT);
  CHECK(futex(&none, FUTEX_CMP_REQUEUE, -1, 1, &word, 0) == -1 && errno == EINVAL);
  return argument;
}

int main(void) {
  pthread_t threads[kWaiters];
  line_up(threads);
  for (int i = 0; i < kWaiters; i++) wake_next(&words[0], i);
  join_all(threads);
  line_up(threads);
  CHECK(futex(&words[0], FUTEX_CMP_REQUEUE, 1, 3, &words[1], 0) == 4); // 0 woken; 1, 2, 3 moved; 4, 5 stay
  EVENTUALLY(__atomic_load_n(&woken, __ATOMIC_SEQ_CST) == 1);
  wake_next(&words[1], 1);
  wake_next(&words[0], 4);
  wake_next(&words[1], 2);
  wake_next(&words[1], 3);
  CHECK(futex(&words[1], FUTEX_WAKE, 1, 0, NULL, 0) == 0);
  wake_next(&words[0], 5);
  join_all(threads);
  line_up(threads);
  words[1] = 0;
  CHECK(futex(&words[0], FUTEX_REQUEUE, 0, 3, &words[1], 0) == 3);
  // One on the first word; on the second, all that are there, since its value was not negative.
  CHECK(futex(&words[0], FUTEX_WAKE_OP, 1, 9, &words[1], FUTEX_OP(FUTEX_OP_ADD, 2, FUTEX_OP_CMP_GE, 0)) == 4);
  CHECK(words[1] == 2);
  CHECK(futex(&words[0], FUTEX_WAKE_OP, 1, 9, &words[1], FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_LT, 0)) == 1);
  EVENTUALLY(__atomic_load_n(&woken, __ATOMIC_SEQ_CST) == 5);
  CHECK(futex(&words[0], FUTEX_WAKE, 1, 0, NULL, 0) == 1);
  join_all(threads);
  run_on_each(operations, NULL);
  ok();
}
