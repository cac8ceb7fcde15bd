// SPDX-License-Identifier: Apache-2.0
// The newer futex calls, where the kernel has them: futex_waitv on two words, futex_wait, futex_wake and futex_requeue between threads.
// Breaks when a software futex serves the old call only: a waiter of one kind would not be woken by the other.
// calls: futex_waitv futex_wait futex_wake futex_requeue futex
// threads: 12
#include "../check.h"
#include <linux/futex.h>

struct waiter {
  uint64_t value, address;
  uint32_t flags, reserved;
};
enum { kSize32 = 2, kPrivate = 128, kWake = 454, kWait = 455, kRequeue = 456 };
static int words[2], waiting;

static void* waits_on_two(void* argument) {
  struct waiter list[2] = {{0, (uintptr_t)&words[0], kSize32 | kPrivate, 0},
                           {0, (uintptr_t)&words[1], kSize32 | kPrivate, 0}};
  __atomic_store_n(&waiting, 1, __ATOMIC_SEQ_CST);
  long index = syscall(SYS_futex_waitv, list, 2, 0, NULL, CLOCK_MONOTONIC);
  CHECK(index == (intptr_t)argument || (index == -1 && errno == EAGAIN));
  return NULL;
}
static void* waits_new(void* argument) {
  __atomic_store_n(&waiting, 1, __ATOMIC_SEQ_CST);
  long result = syscall(kWait, &words[0], 0L, ~0u, kSize32 | kPrivate, NULL, CLOCK_MONOTONIC);
  CHECK(result == 0 || errno == EAGAIN);
  return argument;
}
static void wake_all_of(pthread_t thread, int word, int by_new_call) {
  EVENTUALLY(__atomic_load_n(&waiting, __ATOMIC_SEQ_CST));
  sleep_ms(3);
  __atomic_store_n(&words[word], 1, __ATOMIC_SEQ_CST);
  if (by_new_call)
    CHECK(syscall(kWake, &words[word], ~0u, 9, kSize32 | kPrivate) >= 0);
  else
    CHECK(syscall(SYS_futex, &words[word], FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0) >= 0);
  join(thread);
  words[word] = waiting = 0;
}

int main(void) {
  struct waiter one = {5, (uintptr_t)&words[0], kSize32 | kPrivate, 0};
  int has_waitv = syscall(SYS_futex_waitv, &one, 1, 0, NULL, CLOCK_MONOTONIC) == -1 && errno == EAGAIN;
  CHECK(has_waitv || errno == ENOSYS);
  int has_new = syscall(kWake, &words[0], ~0u, 1, kSize32 | kPrivate) == 0;
  CHECK(has_new || errno == ENOSYS);
  for (intptr_t i = 0; i < 4 && has_waitv; i++) wake_all_of(start(waits_on_two, (void*)(i % 2)), (int)(i % 2), 0);
  for (int i = 0; i < 4 && has_new; i++) wake_all_of(start(waits_new, NULL), 0, i % 2);
  struct waiter pair[2] = {{0, (uintptr_t)&words[0], kSize32, 0}, {0, (uintptr_t)&words[1], kSize32, 0}};
  CHECK(syscall(kRequeue, pair, 0, 1, 1) == 0 || errno == ENOSYS);
  run_on_each(nothing, NULL);
  ok();
}
