// SPDX-License-Identifier: Apache-2.0
// sigqueue to the process and pthread_sigqueue to a thread carry their value; queued real-time signals come in order,
// none lost. Breaks when a signal is sent on by an agent without its siginfo.
// calls: rt_sigqueueinfo rt_tgsigqueueinfo rt_sigaction
// threads: 5
#include "../check.h"

enum { kCount = 50 };
static volatile int values[kCount], count, up;
static __thread volatile int here;

static void on_signal(int number, siginfo_t* info, void* context) {
  (void)context;
  CHECK(number == SIGRTMIN + 3 && info->si_code == SI_QUEUE && info->si_pid == getpid());
  values[count++] = info->si_value.sival_int;
  here++;
}
static void* body(void* argument) {
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGRTMIN + 3);
  __atomic_store_n(&up, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST) == 2);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  CHECK(count == kCount && here == kCount);
  for (int i = 0; i < kCount; i++) CHECK(values[i] == i * 3);
  return argument;
}

int main(void) {
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGRTMIN + 3);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  CHECK(sigaction(SIGRTMIN + 3, &action, NULL) == 0);
  for (int round = 0; round < 5; round++) {
    up = count = 0;
    pthread_t thread = start(body, NULL);
    EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST) == 1);
    for (int i = 0; i < kCount; i++) {
      union sigval value = {.sival_int = i * 3};
      CHECK((round % 2 ? sigqueue(getpid(), SIGRTMIN + 3, value) : pthread_sigqueue(thread, SIGRTMIN + 3, value)) == 0);
    }
    __atomic_store_n(&up, 2, __ATOMIC_SEQ_CST);
    join(thread);
  }
  ok();
}
