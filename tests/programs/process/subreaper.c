// SPDX-License-Identifier: Apache-2.0
// PR_SET_CHILD_SUBREAPER, set by one thread: orphans of any thread's children come to this process, which waits for
// them. Breaks when the attribute is set on one resident and the child is another's.
// calls: prctl fork wait4 getppid
// threads: 5
#include "../check.h"
#include <sys/prctl.h>

static void* sets(void* argument) {
  CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  return argument;
}
static void* body(void* argument) {
  pid_t own = getpid(), child = fork();
  int on = 0;
  CHECK(prctl(PR_GET_CHILD_SUBREAPER, &on) == 0 && (on == 1 || child == 0));
  if (child == 0) {
    pid_t middle = getpid();
    if (fork() != 0) _exit(0);
    EVENTUALLY(getppid() != middle);
    CHECK(getppid() == own);
    _exit(8);
  }
  CHECK_EXITED(child, 0);
  int status;
  CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 8);
  CHECK(wait(&status) == -1 && errno == ECHILD);
  return argument;
}

int main(void) {
  join(start(sets, NULL));
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
