// SPDX-License-Identifier: Apache-2.0
// A stop that is sent to one process by somebody else, here the kernel (F_SETSIG on behalf of a socket), stops all of its
// threads, and a continuation lets all go on; so does one sent to its process group. The parent's wait sees both.
// Breaks when only the home resident gets the signal, and no sender is there who would know the others.
// calls: kill fcntl wait4 fork setpgid
// threads: 2
#include "../check.h"
#include <sys/socket.h>

static int* shared;

static void* counts(void* argument) {
  for (;;) {
    __atomic_fetch_add(&shared[(intptr_t)argument], 1, __ATOMIC_SEQ_CST);
    usleep(100);
  }
  return NULL;
}
static void leave(int signal) { _exit(signal == SIGUSR1 ? 3 : 1); }
static void child_body(void) {
  signal(SIGUSR1, leave);
  CHECK(setpgid(0, 0) == 0);
  for (intptr_t i = 0; i < 3; i++) start(counts, (void*)i);
  for (;;) pause();
}
static int count(int i) { return __atomic_load_n(&shared[i], __ATOMIC_SEQ_CST); }
static int stands_still(void) {
  int before = count(0) + count(1) + count(2);
  sleep_ms(30);
  return count(0) + count(1) + count(2) == before;
}

static void by_kernel(pid_t pid, int signal) {
  int pair[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  CHECK(fcntl(pair[0], F_SETOWN, pid) == 0 && fcntl(pair[0], F_SETSIG, signal) == 0);
  CHECK(fcntl(pair[0], F_SETFL, O_ASYNC) == 0 && write(pair[1], "x", 1) == 1);
  CHECK(fcntl(pair[0], F_SETFL, 0) == 0 && close(pair[0]) == 0 && close(pair[1]) == 0);
}
static void by_group(pid_t pid, int signal) { CHECK(kill(-pid, signal) == 0); }

static void stop_and_continue(pid_t child, void (*tell)(pid_t, int), int signal) {
  int status;
  tell(child, signal);
  CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == signal);
  EVENTUALLY(stands_still());
  CHECK(stands_still() && waitpid(child, &status, WUNTRACED | WCONTINUED | WNOHANG) == 0);
  tell(child, SIGCONT);
  CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
  for (int i = 0; i < 3; i++) {
    int before = count(i);
    EVENTUALLY(count(i) > before + 3);
  }
}

int main(void) {
  join(start(nothing, NULL)), join(start(nothing, NULL));
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t child = fork();
  if (child == 0) child_body();
  EVENTUALLY(count(0) && count(1) && count(2));
  for (int round = 0; round < 3; round++) {
    stop_and_continue(child, by_kernel, SIGSTOP);
    stop_and_continue(child, by_group, SIGSTOP);
    stop_and_continue(child, by_kernel, SIGTSTP);
    stop_and_continue(child, by_group, SIGTTIN);
  }
  kill(child, SIGUSR1);
  int status = status_of(child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
  ok();
}
