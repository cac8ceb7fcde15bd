// SPDX-License-Identifier: Apache-2.0
// exec from a thread keeps what it must: pid, mask, pending and ignored signals, the alarm, directory, umask, limits,
// descriptors; and resets handlers and the alternate stack. Breaks when these belong to the home resident and exec
// happens elsewhere.
// calls: execve alarm rt_sigpending umask chdir
#include "../check.h"
#include <sys/resource.h>

static char descriptor[20];
static void on_signal(int number) { (void)number; }
static void* executes(void* argument) {
  sigset_t mask;
  struct rlimit limit = {123, 123};
  sigemptyset(&mask), sigaddset(&mask, SIGUSR1), sigaddset(&mask, SIGSYS);
  CHECK(pthread_sigmask(SIG_SETMASK, &mask, NULL) == 0 && raise(SIGUSR1) == 0);
  signal(SIGUSR2, SIG_IGN), signal(SIGTERM, on_signal), signal(SIGSYS, on_signal);
  stack_t alternate = {.ss_sp = malloc(65536), .ss_size = 65536};
  CHECK(alarm(1000) == 0 && chdir("/proc") == 0 && setrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        sigaltstack(&alternate, NULL) == 0);
  umask(031);
  snprintf(descriptor, sizeof descriptor, "%d", memfd_create("kept", 0));
  CHECK(write(atoi(descriptor), "content", 7) == 7);
  execl(argument, argument, descriptor, NULL);
  CHECK(!"exec failed");
  return NULL;
}

int main(int argc, char** argv) {
  if (argc == 1) {
    join(start(nothing, NULL));
    join(start(executes, argv[0]));
  }
  sigset_t mask, pending;
  struct sigaction action;
  struct rlimit limit;
  stack_t alternate;
  char text[8] = "", directory[100];
  CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && sigpending(&pending) == 0);
  for (int i = 1; i < 32; i++) CHECK(sigismember(&mask, i) == (i == SIGUSR1 || i == SIGSYS));
  CHECK(sigismember(&pending, SIGUSR1) == 1);
  CHECK(sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
  CHECK(sigaction(SIGTERM, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
  CHECK(sigaction(SIGSYS, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
  unsigned left = alarm(0);
  CHECK(left > 900 && left <= 1000);
  CHECK(getcwd(directory, sizeof directory) != NULL && strcmp(directory, "/proc") == 0 && umask(0) == 031);
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 123 && limit.rlim_max == 123);
  CHECK(sigaltstack(NULL, &alternate) == 0 && alternate.ss_flags == SS_DISABLE);
  CHECK(pread(atoi(argv[1]), text, 7, 0) == 7 && strcmp(text, "content") == 0 && atoi(argv[1]) == 3);
  ok();
}
