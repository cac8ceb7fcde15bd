// SPDX-License-Identifier: Apache-2.0
// raise in every thread is handled in that thread, before raise returns; handlers change errno only if they mean to.
// Breaks when raise's gettid and tgkill are not the kernel's, or a handler runs on another thread.
// calls: tgkill gettid rt_sigreturn
// threads: 4
#include "../check.h"

static __thread volatile int handled;
static __thread volatile pid_t by;

static void on_signal(int number) {
  int saved = errno;
  (void)number;
  by = gettid();
  handled++;
  close(-1);
  errno = saved;
}
static void* body(void* argument) {
  for (int i = 1; i <= 200; i++) {
    errno = i;
    CHECK(raise(SIGUSR1) == 0 && handled == i && by == gettid() && errno == i);
  }
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL);
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
