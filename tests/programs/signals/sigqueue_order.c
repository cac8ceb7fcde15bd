// SPDX-License-Identifier: Apache-2.0
// Real-time signals for the process come in order, each once and with its siginfo, to a thread that blocks and unblocks them
// all the time, and then to one that waits for them: whether a thread, a child or nobody for long sends them. What is
// pending when a thread unblocks it is handled before the call returns.
// calls: rt_sigqueueinfo rt_sigprocmask rt_sigtimedwait rt_sigpending fork
// threads: 8
#include "../check.h"

enum { kCount = 400 };
static volatile int next, from;

static void expect(const siginfo_t* info) {
  CHECK(info->si_code == SI_QUEUE && info->si_pid == from && info->si_value.sival_int == next);
  next++;
}
static void on_signal(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  expect(info);
}
static void* send_all(void* argument) {
  for (int i = 0; i < kCount; i++)
    CHECK(sigqueue((pid_t)(intptr_t)argument, SIGRTMIN + 2, (union sigval){.sival_int = i}) == 0);
  return argument;
}
static void* body(void* argument) {
  sigset_t set, pending;
  siginfo_t info;
  sigemptyset(&set), sigaddset(&set, SIGRTMIN + 2);
  from = getpid(), next = 0;
  pthread_t thread = start(send_all, (void*)(intptr_t)getpid());
  while (next < kCount) pthread_sigmask(SIG_UNBLOCK, &set, NULL), pthread_sigmask(SIG_BLOCK, &set, NULL);
  join(thread);
  next = 0;
  thread = start(send_all, (void*)(intptr_t)getpid());
  while (next < kCount) CHECK(sigwaitinfo(&set, &info) == SIGRTMIN + 2), expect(&info);
  join(thread);
  next = 0;
  if ((from = fork()) == 0) send_all((void*)(intptr_t)getppid()), _exit(0);
  CHECK_EXITED(from, 0);
  CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGRTMIN + 2));
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  CHECK(next == kCount);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  CHECK(sigaction(SIGRTMIN + 2, &action, NULL) == 0);
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGRTMIN + 2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
