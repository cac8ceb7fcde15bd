// SPDX-License-Identifier: Apache-2.0
// timer_create with SIGEV_SIGNAL: si_code SI_TIMER, the value, handled by whichever thread has the signal open;
// settime reads back. Breaks when a timer belongs to a resident and its signal stays there.
// calls: timer_create timer_settime timer_getoverrun
// threads: 4
#include "../check.h"

static volatile int fired, value;
static volatile pid_t by;

static void on_timer(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  CHECK(info->si_code == SI_TIMER);
  value = info->si_value.sival_int;
  by = gettid();
  fired++;
}
static void* body(void* argument) {
  timer_t timer;
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGRTMIN);
  fired = 0;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 1234};
  CHECK(timer_create(CLOCK_REALTIME, &event, &timer) == 0);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  struct itimerspec soon = {.it_value = {0, 1000000}, .it_interval = {0, 1000000}}, old;
  CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
  EVENTUALLY(fired >= 3);
  CHECK(value == 1234 && by == gettid() && timer_getoverrun(timer) >= 0);
  struct itimerspec off = {0};
  CHECK(timer_settime(timer, 0, &off, &old) == 0 && old.it_interval.tv_nsec == 1000000);
  CHECK(timer_delete(timer) == 0);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  return argument;
}

int main(void) {
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGRTMIN);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO};
  sigaction(SIGRTMIN, &action, NULL);
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
