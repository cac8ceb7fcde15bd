// SPDX-License-Identifier: Apache-2.0
// timer_create with SIGEV_THREAD in main and in threads: the function runs in a thread of its own with its value, also
// repeatedly. Breaks when the timer's internal signal is aimed at a tid of another thread group, or its thread cannot
// be made.
// calls: timer_create timer_settime timer_delete timer_gettime rt_sigtimedwait
// threads: 4
#include "../check.h"

static int fired[8];

static void on_timer(union sigval value) { __atomic_fetch_add((int*)value.sival_ptr, 1, __ATOMIC_SEQ_CST); }

static void* body(void* argument) {
  timer_t timer;
  int* count = argument;
  struct sigevent event = {
      .sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_timer, .sigev_value.sival_ptr = count};
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  struct itimerspec once = {.it_value = {0, 2000000}}, repeat = {.it_value = {0, 2000000}, .it_interval = {0, 2000000}},
                    now;
  CHECK(timer_settime(timer, 0, &once, NULL) == 0);
  EVENTUALLY(__atomic_load_n(count, __ATOMIC_SEQ_CST) == 1);
  CHECK(timer_gettime(timer, &now) == 0 && now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0);
  CHECK(timer_settime(timer, 0, &repeat, NULL) == 0);
  EVENTUALLY(__atomic_load_n(count, __ATOMIC_SEQ_CST) >= 5);
  CHECK(timer_delete(timer) == 0);
  return NULL;
}

int main(void) {
  body(&fired[4]);
  for (int i = 0; i < 4; i++) join(start(body, &fired[i]));
  body(&fired[5]);
  ok();
}
