// SPDX-License-Identifier: Apache-2.0
// pthread_getcpuclockid of another thread, clock_getcpuclockid of the process, and CPU-time timers: usable from every
// thread. Breaks since the kernel gives a thread's clock only to threads of its own group.
// calls: clock_gettime timer_create timer_settime
// threads: 6
#include "../check.h"

static int stop;
static volatile int fired;
static void on_timer(int number) {
  (void)number;
  fired++;
}
static long now_us(clockid_t clock) {
  struct timespec now;
  CHECK(clock_gettime(clock, &now) == 0);
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
static void* spins(void* argument) {
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
  }
  return argument;
}
static void* body(void* argument) {
  clockid_t others, process;
  CHECK(pthread_getcpuclockid(*(pthread_t*)argument, &others) == 0 && clock_getcpuclockid(0, &process) == 0);
  long process_before = now_us(process), before = now_us(others);
  EVENTUALLY(now_us(others) >= before + 2000);
  CHECK(now_us(process) >= process_before + 2000);
  CHECK(clock_getcpuclockid(getpid(), &process) == 0 && now_us(process) > process_before);
  static const clockid_t clocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
  for (int i = 0; i < 2; i++) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec soon = {.it_value = {0, 3000000}};
    fired = 0;
    CHECK(timer_create(clocks[i], &event, &timer) == 0 && timer_settime(timer, 0, &soon, NULL) == 0);
    for (long limit = time(NULL) + 20; !fired && time(NULL) < limit;) {
    }
    CHECK(fired == 1 && timer_delete(timer) == 0);
  }
  return NULL;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
  sigaction(SIGRTMIN, &action, NULL);
  pthread_t spinners[2] = {start(spins, NULL), start(spins, NULL)};
  for (int i = 0; i < 2; i++) {
    body(&spinners[i]);
    join(start(body, &spinners[i]));
  }
  join(start(nothing, NULL)), join(start(body, &spinners[0]));
  stop = 1;
  join(spinners[0]), join(spinners[1]);
  ok();
}
