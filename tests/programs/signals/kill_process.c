// SPDX-License-Identifier: Apache-2.0
// kill(getpid()) with a handler, from main and from threads: handled once, by some thread, with this process as the
// sender. Breaks when each resident handles it, or si_pid is a resident's.
// calls: kill getpid rt_sigaction
// threads: 6
#include "../check.h"

static volatile int handled, leave;

static void on_signal(int number, siginfo_t* info, void* context) {
  (void)context;
  CHECK(number == SIGUSR2 && info->si_signo == SIGUSR2 && info->si_code == SI_USER);
  CHECK(info->si_pid == getpid() && info->si_uid == getuid());
  __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
}
static void* waits(void* argument) {
  while (!__atomic_load_n(&leave, __ATOMIC_SEQ_CST)) usleep(500);
  return argument;
}
static void* kills(void* argument) {
  int before = __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
  CHECK(kill(getpid(), SIGUSR2) == 0);
  EVENTUALLY(__atomic_load_n(&handled, __ATOMIC_SEQ_CST) > before);
  sleep_ms(5);
  CHECK(handled == before + 1);
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
  CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
  kills(NULL);
  pthread_t threads[2] = {start(waits, NULL), start(waits, NULL)};
  kills(NULL);
  run_on_each(kills, NULL);
  leave = 1;
  join(threads[0]), join(threads[1]);
  CHECK(handled == 6);
  ok();
}
