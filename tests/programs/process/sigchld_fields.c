// SPDX-License-Identifier: Apache-2.0
// SIGCHLD of children forked by main and by threads, that exit, are killed or stop: si_pid, si_code, si_status;
// SIG_IGN reaps. Breaks when the signal goes to a resident that is not the parent, or residents' own ends send SIGCHLD
// to the program.
// calls: fork rt_sigtimedwait kill wait4
// threads: 8
#include "../check.h"

static void* body(void* argument) {
  sigset_t set;
  siginfo_t info;
  struct timespec limit = {10, 0}, none = {0, 0};
  sigemptyset(&set), sigaddset(&set, SIGCHLD);
  pid_t child = fork();
  if (child == 0) _exit(33);
  CHECK(sigtimedwait(&set, &info, &limit) == SIGCHLD);
  CHECK(info.si_pid == child && info.si_code == CLD_EXITED && info.si_status == 33 && info.si_uid == getuid());
  CHECK_EXITED(child, 33);
  child = fork();
  if (child == 0)
    for (;;) pause();
  CHECK(kill(child, SIGSTOP) == 0 && sigtimedwait(&set, &info, &limit) == SIGCHLD);
  CHECK(info.si_pid == child && info.si_code == CLD_STOPPED && info.si_status == SIGSTOP);
  CHECK(kill(child, SIGCONT) == 0 && sigtimedwait(&set, &info, &limit) == SIGCHLD && info.si_code == CLD_CONTINUED);
  CHECK(kill(child, SIGKILL) == 0 && sigtimedwait(&set, &info, &limit) == SIGCHLD);
  CHECK(info.si_pid == child && info.si_code == CLD_KILLED && info.si_status == SIGKILL);
  CHECK(WIFSIGNALED(status_of(child)));
  CHECK(sigtimedwait(&set, &info, &none) == -1 && errno == EAGAIN);
  return argument;
}

int main(void) {
  sigset_t set;
  siginfo_t info;
  struct timespec none = {0, 0};
  sigemptyset(&set), sigaddset(&set, SIGCHLD);
  CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
  body(NULL);
  run_on_each(body, NULL);
  run_on_each(nothing, NULL);
  CHECK(sigtimedwait(&set, &info, &none) == -1 && errno == EAGAIN);
  CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
  pid_t child = fork();
  if (child == 0) _exit(0);
  CHECK(waitpid(child, NULL, 0) == -1 && errno == ECHILD);
  ok();
}
