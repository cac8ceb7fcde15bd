// SPDX-License-Identifier: Apache-2.0
// siglongjmp out of handlers of faults and of sent signals, many times, in each thread: mask and stack are as before.
// Breaks when the shim keeps state per handler that only rt_sigreturn undoes.
// calls: rt_sigaction rt_sigprocmask tgkill
// threads: 4
#include "../check.h"
#include <setjmp.h>

static __thread sigjmp_buf back;
static __thread volatile int count;

static void on_signal(int number) { siglongjmp(back, number); }

static void* body(void* argument) {
  sigset_t now;
  for (volatile int i = 0; i < 200; i++) {
    int number = sigsetjmp(back, 1);
    if (number == 0) {
      if (i % 2) raise(SIGUSR1);
      *(volatile int*)64 = 1;
      CHECK(!"went on");
    }
    CHECK(number == (i % 2 ? SIGUSR1 : SIGSEGV));
    count++;
    CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGUSR1) && !sigismember(&now, SIGSEGV));
  }
  CHECK(count == 200);
  count = 0;
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL), sigaction(SIGSEGV, &action, NULL);
  body(NULL);
  run_on_each(body, NULL);
  body(NULL);
  ok();
}
