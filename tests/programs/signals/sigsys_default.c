// SPDX-License-Identifier: Apache-2.0
// raise(SIGSYS) with the default action in a thread ends the process by SIGSYS with a core.
// Breaks when the shim takes it for one of its own dispatches.
// calls: tgkill exit_group
// expect: signal SYS core
// threads: 2
#include "../check.h"

static void* raises(void* argument) {
  raise(SIGSYS);
  printf("not reached\n");
  fflush(stdout);
  return argument;
}

int main(void) {
  join(start(nothing, NULL));
  join(start(raises, NULL));
  return 0;
}
