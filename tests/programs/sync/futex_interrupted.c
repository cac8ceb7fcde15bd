// SPDX-License-Identifier: Apache-2.0
// What a signal does to a futex wait: a handler with SA_RESTART lets it begin again, unless it has a time limit; one without
// ends it with EINTR; a handler may wake others, and may leave by siglongjmp. Time limits on both clocks are kept.
// Breaks when handlers run on top of a wait that nobody takes back, or the rule of restarting is another.
// calls: futex tgkill
// threads: 16
#include "../check.h"
#include <linux/futex.h>
#include <setjmp.h>

static int word, other, waiting, handled;
static sigjmp_buf out;
static __thread int leaves;

static long futex(int* at, int operation, int value, const struct timespec* limit, int bits) {
  return syscall(SYS_futex, at, operation | FUTEX_PRIVATE_FLAG, value, limit, NULL, bits);
}
static void handler(int signal) {
  __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
  CHECK(futex(&other, FUTEX_WAKE, 1, NULL, 0) == 0 && signal > 0);
  if (leaves) siglongjmp(out, 1);
}
static void on_signal(int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

static void* waits(void* argument) {
  const struct timespec long_time = {100, 0};
  intptr_t kind = (intptr_t)argument;
  __atomic_store_n(&waiting, 1, __ATOMIC_SEQ_CST);
  errno = 0;
  long result;
  if (kind == 3) {
    leaves = 1;
    result = sigsetjmp(out, 1) ? -7 : futex(&word, FUTEX_WAIT, 0, NULL, 0);
  } else {
    result = futex(&word, FUTEX_WAIT, 0, kind == 2 ? &long_time : NULL, 0);
  }
  return (void*)(result == -1 ? -(intptr_t)errno : (intptr_t)result);
}
static pthread_t asleep(intptr_t kind) {
  __atomic_store_n(&waiting, 0, __ATOMIC_SEQ_CST);
  pthread_t thread = start(waits, (void*)kind);
  EVENTUALLY(__atomic_load_n(&waiting, __ATOMIC_SEQ_CST));
  sleep_ms(20);
  return thread;
}
static void interrupt(pthread_t thread) {
  int before = __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
  CHECK(pthread_kill(thread, SIGUSR1) == 0);
  EVENTUALLY(__atomic_load_n(&handled, __ATOMIC_SEQ_CST) == before + 1);
}

static void* limits(void* argument) {
  struct timespec begun, now, limit;
  for (int realtime = 0; realtime < 2; realtime++) {
    clockid_t clock = realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    CHECK(clock_gettime(clock, &begun) == 0);
    limit = begun;
    limit.tv_nsec += 20000000;
    if (limit.tv_nsec >= 1000000000) limit.tv_nsec -= 1000000000, limit.tv_sec++;
    int operation = FUTEX_WAIT_BITSET | (realtime ? FUTEX_CLOCK_REALTIME : 0);
    CHECK(futex(&other, operation, 0, &limit, -1) == -1 && errno == ETIMEDOUT);
    CHECK(clock_gettime(clock, &now) == 0);
    CHECK(now.tv_sec > limit.tv_sec || (now.tv_sec == limit.tv_sec && now.tv_nsec >= limit.tv_nsec));
    CHECK(futex(&other, operation, 0, &limit, -1) == -1 && errno == ETIMEDOUT); // it is over
  }
  struct timespec bad = {0, 1000000000}, negative = {-1, 0};
  CHECK(futex(&other, FUTEX_WAIT, 0, &bad, 0) == -1 && errno == EINVAL);
  CHECK(futex(&other, FUTEX_WAIT, 0, &negative, 0) == -1 && errno == EINVAL);
  CHECK(futex(&other, FUTEX_WAIT_BITSET, 0, NULL, 0) == -1 && errno == EINVAL);
  CHECK(futex(NULL, FUTEX_WAIT, 0, NULL, 0) == -1 && errno == EFAULT);
  CHECK(futex(&other, FUTEX_WAIT, 0, (const struct timespec*)8, 0) == -1 && errno == EFAULT);
  return argument;
}

int main(void) {
  for (int round = 0; round < 3; round++) {
    on_signal(SA_RESTART);
    pthread_t thread = asleep(0);
    interrupt(thread);
    interrupt(thread);
    EVENTUALLY(futex(&word, FUTEX_WAKE, 1, NULL, 0) == 1);
    CHECK(join(thread) == NULL);
    thread = asleep(2);
    interrupt(thread);
    CHECK((intptr_t)join(thread) == -EINTR);
    on_signal(0);
    thread = asleep(1);
    interrupt(thread);
    CHECK((intptr_t)join(thread) == -EINTR);
    thread = asleep(3);
    interrupt(thread);
    CHECK((intptr_t)join(thread) == -7);
    CHECK(futex(&word, FUTEX_WAKE, 9, NULL, 0) == 0); // nobody is left behind
  }
  run_on_each(limits, NULL);
  ok();
}
