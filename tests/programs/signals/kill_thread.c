// SPDX-License-Identifier: Apache-2.0
// pthread_kill reaches exactly the thread meant, on every node, and siginfo names this process as the sender.
// Breaks when tgkill is given the home process's id for a thread of another resident.
// calls: tgkill rt_sigaction getpid
// threads: 4
#include "../check.h"

static __thread volatile int* mine;
static int got[4], up;

static void on_signal(int number, siginfo_t* info, void* context) {
  (void)context;
  CHECK(number == SIGUSR1 && info->si_code == SI_TKILL && info->si_pid == getpid() && info->si_uid == getuid());
  ++*mine;
}

static void* body(void* argument) {
  mine = &got[(intptr_t)argument];
  __atomic_fetch_add(&up, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(*mine >= 3);
  return NULL;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  pthread_t threads[4];
  for (intptr_t i = 0; i < 4; i++) threads[i] = start(body, (void*)i);
  EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST) == 4);
  for (int round = 1; round <= 3; round++)
    for (int i = 0; i < 4; i++) {
      CHECK(pthread_kill(threads[i], SIGUSR1) == 0);
      EVENTUALLY(__atomic_load_n(&got[i], __ATOMIC_SEQ_CST) == round);
    }
  for (int i = 0; i < 4; i++) join(threads[i]);
  for (int i = 0; i < 4; i++) CHECK(got[i] == 3);
  ok();
}
