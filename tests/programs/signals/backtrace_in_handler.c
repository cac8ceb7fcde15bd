// SPDX-License-Identifier: Apache-2.0
// backtrace() in a handler walks through the signal frame to the interrupted functions and ends at the thread's start,
// in each thread. Breaks when the shim's restorer does not look like libc's (unwinders match its bytes), or a thread's
// stack has no end mark.
// calls: rt_sigaction rt_sigreturn tgkill
// threads: 4
#include "../check.h"
#include <execinfo.h>

static __thread volatile int depth;
static char* volatile expected;

static void on_signal(int number) {
  void* frames[100];
  int count = backtrace(frames, 100), found = 0, repeated = 0;
  (void)number;
  for (int i = 0; i < count; i++) {
    found += (char*)frames[i] >= expected && (char*)frames[i] < expected + 400;
    repeated += i > 3 && frames[i] == frames[i - 1];
  }
  CHECK(count >= 16 && count < 40 && found >= 10 && repeated >= 8);
  depth++;
}
__attribute__((noipa, noinline)) static int recurse(int left) {
  if (left == 0) {
    if (depth == 0)
      raise(SIGUSR1);
    else
      *(volatile int*)8 = 1;
    return 1;
  }
  volatile int rest = recurse(left - 1); // a real frame each
  return rest + left;
}
static void on_segv(int number, siginfo_t* info, void* context) {
  (void)info;
  on_signal(number);
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGSEGV);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  (void)context;
  if (depth == 2) pthread_exit((void*)7); // unwinds through the signal frame
}
static void* body(void* argument) {
  CHECK(recurse(12) == 79 && depth == 1);
  recurse(12);
  return argument;
}

int main(void) {
  void* warm_up[2];
  backtrace(warm_up, 2); // loads libgcc_s
  expected = (char*)(uintptr_t)&recurse;
  struct sigaction action = {.sa_handler = on_signal}, fault = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL), sigaction(SIGSEGV, &fault, NULL);
  for (int i = 0; i < 4; i++) CHECK(join(start(body, NULL)) == (void*)7);
  ok();
}
