// SPDX-License-Identifier: Apache-2.0
// Signals to a process group, and from a parent to a threaded child: each process handles each once, however many
// threads it has. Breaks when residents are in the program's group and take the signal too.
// calls: kill setpgid rt_sigaction
// threads: 2
#include "../check.h"

static int* shared; // handled by the first and by the second child, ready
static int self;

static void on_signal(int number, siginfo_t* info, void* context) {
  (void)context;
  CHECK(number == SIGUSR1 && info->si_code == SI_USER);
  __atomic_fetch_add(&shared[self], 1, __ATOMIC_SEQ_CST);
}
static void* sleeps(void* argument) {
  for (;;) pause();
  return argument;
}
static pid_t make_child(int index, pid_t group) {
  pid_t child = fork();
  if (child == 0) {
    self = index;
    CHECK(setpgid(0, group) == 0);
    for (int i = 0; i < 3; i++) start(sleeps, NULL);
    __atomic_fetch_add(&shared[2], 1, __ATOMIC_SEQ_CST);
    for (;;) pause();
  }
  EVENTUALLY(__atomic_load_n(&shared[2], __ATOMIC_SEQ_CST) == index + 1);
  return child;
}
static void expect(int first, int second) {
  EVENTUALLY(__atomic_load_n(&shared[0], __ATOMIC_SEQ_CST) == first &&
             __atomic_load_n(&shared[1], __ATOMIC_SEQ_CST) == second);
  sleep_ms(10);
  CHECK(shared[0] == first && shared[1] == second);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  run_together(2, nothing);
  pid_t first = make_child(0, 0), second = make_child(1, first);
  CHECK(kill(-first, SIGUSR1) == 0);
  expect(1, 1);
  CHECK(killpg(first, SIGUSR1) == 0);
  expect(2, 2);
  CHECK(kill(second, SIGUSR1) == 0);
  expect(2, 3);
  CHECK(kill(-first, SIGTERM) == 0);
  CHECK(WTERMSIG(status_of(first)) == SIGTERM && WTERMSIG(status_of(second)) == SIGTERM);
  ok();
}
