// SPDX-License-Identifier: Apache-2.0
// A child forked by one thread is waited for by another or by main, by pid, by any, by waitid with fields and WNOWAIT;
// ECHILD after. Breaks when a child belongs to the resident that forked it.
// calls: fork wait4 waitid
// threads: 13
#include "../check.h"

static pid_t children[3];

static void* forks(void* argument) {
  for (int i = 0; i < 3; i++)
    if ((children[i] = fork()) == 0) _exit(20 + i);
  return argument;
}
static void* waits(void* argument) {
  int status;
  siginfo_t info;
  CHECK(waitid(P_PID, children[0], &info, WEXITED | WNOWAIT) == 0);
  CHECK(info.si_pid == children[0] && info.si_code == CLD_EXITED && info.si_status == 20 && info.si_signo == SIGCHLD);
  CHECK(info.si_uid == getuid());
  CHECK(waitpid(children[0], &status, 0) == children[0] && WEXITSTATUS(status) == 20);
  CHECK(waitpid(children[0], &status, 0) == -1 && errno == ECHILD);
  CHECK(waitid(P_PID, children[1], &info, WEXITED) == 0 && info.si_status == 21);
  CHECK(wait(&status) == children[2] && WIFEXITED(status) && WEXITSTATUS(status) == 22);
  CHECK(wait(&status) == -1 && errno == ECHILD);
  CHECK(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
  return argument;
}

int main(void) {
  for (int i = 0; i < 6; i++) {
    i == 2 ? forks(NULL) : join(start(forks, NULL));
    i == 3 ? waits(NULL) : join(start(waits, NULL));
    if (i % 2) join(start(nothing, NULL));
  }
  int ends[2];
  char byte;
  CHECK(pipe(ends) == 0);
  pid_t child = fork();
  if (child == 0) _exit(read(ends[0], &byte, 1) == 1 ? 3 : 4);
  int status;
  CHECK(waitpid(child, &status, WNOHANG) == 0 && write(ends[1], "x", 1) == 1);
  CHECK_EXITED(child, 3);
  ok();
}
