// SPDX-License-Identifier: Apache-2.0
// PR_SET_PDEATHSIG in a child counts on the thread that forked it: it stays alive while other threads end, and dies
// with that thread. Breaks because the parent is a thread of the kernel: an agent that forked in a thread's place does
// not end with it.
// calls: prctl fork wait4
// threads: 12
#include "../check.h"
#include <sys/prctl.h>

static int release;
static pid_t child;

static pid_t fork_dependent(void) {
  int ends[2];
  char byte;
  CHECK(pipe(ends) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    CHECK(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && write(ends[1], "x", 1) == 1);
    for (;;) pause();
  }
  CHECK(read(ends[0], &byte, 1) == 1);
  close(ends[0]), close(ends[1]);
  return pid;
}
static void* forks(void* argument) {
  __atomic_store_n(&child, fork_dependent(), __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&release, __ATOMIC_SEQ_CST));
  return argument;
}

int main(void) {
  pid_t of_main = fork_dependent();
  for (int i = 0; i < 4; i++) {
    child = release = 0;
    pthread_t forker = start(forks, NULL);
    EVENTUALLY(__atomic_load_n(&child, __ATOMIC_SEQ_CST));
    join(start(nothing, NULL)), join(start(nothing, NULL));
    sleep_ms(3);
    CHECK(waitpid(child, NULL, WNOHANG) == 0);
    __atomic_store_n(&release, 1, __ATOMIC_SEQ_CST);
    int status = status_of(child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    join(forker);
  }
  CHECK(waitpid(of_main, NULL, WNOHANG) == 0 && kill(of_main, SIGKILL) == 0);
  CHECK(WTERMSIG(status_of(of_main)) == SIGKILL);
  ok();
}
