// SPDX-License-Identifier: Apache-2.0
// A SIGEV_THREAD_ID timer signals the thread it names: the one that makes it, and another thread.
// Breaks because the kernel wants a tid of the caller's thread group (EINVAL for a thread in another resident).
// calls: timer_create timer_settime gettid
// threads: 8
#include "../check.h"
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static __thread volatile int fired;
static pid_t target;
static int leave;

static void on_timer(int number) {
  (void)number;
  fired++;
}
static timer_t arm(pid_t tid) {
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 1, .sigev_notify_thread_id = tid};
  struct itimerspec soon = {.it_value = {0, 1000000}};
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &soon, NULL) == 0);
  return timer;
}
static void* own(void* argument) {
  timer_t timer = arm(gettid());
  EVENTUALLY(fired == 1);
  CHECK(timer_delete(timer) == 0);
  return argument;
}
static void* other(void* argument) {
  __atomic_store_n(&target, gettid(), __ATOMIC_SEQ_CST);
  EVENTUALLY(fired == 1);
  EVENTUALLY(__atomic_load_n(&leave, __ATOMIC_SEQ_CST));
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_timer};
  sigaction(SIGRTMIN + 1, &action, NULL);
  own(NULL);
  fired = 0;
  run_on_each(own, NULL);
  for (int i = 0; i < 4; i++) {
    target = leave = 0;
    pthread_t thread = start(other, NULL);
    EVENTUALLY(__atomic_load_n(&target, __ATOMIC_SEQ_CST));
    timer_t timer = arm(target);
    sleep_ms(3);
    __atomic_store_n(&leave, 1, __ATOMIC_SEQ_CST);
    join(thread);
    CHECK(timer_delete(timer) == 0 && fired == 0);
  }
  ok();
}
