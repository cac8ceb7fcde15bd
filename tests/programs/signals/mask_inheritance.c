// SPDX-License-Identifier: Apache-2.0
// A new thread has its creator's mask, all 64 bits of it, SIGSYS too; changing it in one thread leaves others alone.
// Breaks when SIGSYS, kept open by the shim, is missing in what sigprocmask returns, or the start blocks all signals
// for ever.
// calls: rt_sigprocmask clone
// threads: 24
#include "../check.h"

static sigset_t expected;

static void check_mask(const sigset_t* set) {
  sigset_t now;
  CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0);
  for (int i = 1; i < 65; i++)
    if (i != SIGKILL && i != SIGSTOP && i != 32 && i != 33) CHECK(sigismember(&now, i) == sigismember(set, i));
}
static void* body(void* argument) {
  check_mask(&expected);
  sigset_t all;
  sigfillset(&all);
  CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
  check_mask(&all);
  return argument;
}

int main(void) {
  for (int i = 0; i < 6; i++) {
    sigemptyset(&expected);
    if (i & 1) sigaddset(&expected, SIGUSR1), sigaddset(&expected, SIGRTMAX);
    if (i & 2) sigaddset(&expected, SIGSYS), sigaddset(&expected, SIGSEGV);
    if (i == 4) sigfillset(&expected);
    CHECK(pthread_sigmask(SIG_SETMASK, &expected, NULL) == 0);
    run_on_each(body, NULL);
    check_mask(&expected);
    pid_t child = fork();
    if (child == 0) body(NULL), _exit(0);
    CHECK_EXITED(child, 0);
  }
  ok();
}
