// SPDX-License-Identifier: Apache-2.0
// abort in a thread while main waits for it: SIGABRT with a core, its handler runs first.
// Breaks when only the thread's resident dies.
// calls: tgkill rt_sigaction
// expect: signal ABRT core
// threads: 2
#include "../check.h"

static void on_abort(int number) { (void)!write(1, number == SIGABRT ? "handler\n" : "wrong\n", 8); }
static void* aborts(void* argument) {
  abort();
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_abort};
  sigaction(SIGABRT, &action, NULL);
  join(start(nothing, NULL));
  join(start(aborts, NULL));
  printf("not reached\n");
  fflush(stdout);
  return 0;
}
