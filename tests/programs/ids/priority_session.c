// SPDX-License-Identifier: Apache-2.0
// setpriority, getpriority, setsid and setpgid, prctl dumpable, no_new_privs and parent-death signal hold for the
// process or thread as natively. Breaks for state that the kernel keeps per process and residents keep apart.
// calls: setpriority getpriority setsid setpgid prctl fork
// threads: 12
#include "../check.h"
#include <sys/prctl.h>
#include <sys/resource.h>

static void* checks(void* argument) {
  CHECK(getsid(0) == getpid() && getpgrp() == getpid() && getpgid(0) == getpid());
  errno = 0;
  CHECK(getpriority(PRIO_PROCESS, 0) == 3 && errno == 0); // inherited from the creating thread
  return argument;
}
static void* own_nice(void* argument) {
  CHECK(setpriority(PRIO_PROCESS, 0, 7) == 0 && getpriority(PRIO_PROCESS, 0) == 7); // this thread's only, on Linux
  CHECK(getpriority(PRIO_PROCESS, getpid()) == 3);
  return argument;
}
static void* dumpable(void* argument) {
  CHECK(prctl(PR_GET_DUMPABLE) == (intptr_t)argument);
  return NULL;
}

int main(void) {
  pid_t child = fork();
  if (child == 0) {
    join(start(nothing, NULL));
    CHECK(setpriority(PRIO_PROCESS, 0, 3) == 0);
    CHECK(setsid() == getpid());
    checks(NULL);
    run_on_each(checks, NULL), run_on_each(own_nice, NULL);
    checks(NULL);
    CHECK(setsid() == -1 && errno == EPERM);
    _exit(0);
  }
  CHECK_EXITED(child, 0);
  run_on_each(dumpable, (void*)1);
  CHECK(prctl(PR_SET_DUMPABLE, 0) == 0);
  run_on_each(dumpable, (void*)0);
  CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
  run_on_each(dumpable, (void*)1);
  ok();
}
