// SPDX-License-Identifier: Apache-2.0
// In a child forked by any thread gettid is getpid, also as libc and mutexes know it; raise, recursive mutexes and new
// threads work. Breaks when the child keeps the tid of the forking thread.
// calls: fork gettid getpid tgkill
// threads: 4
#include "../check.h"

static volatile int handled;
static void on_signal(int number) {
  (void)number;
  handled++;
}
static void* checks_thread(void* argument) {
  CHECK(getpid() == *(pid_t*)argument && gettid() != getpid());
  return NULL;
}
static void* body(void* argument) {
  pid_t parent = getpid(), own = gettid(), child = fork();
  if (child == 0) {
    pid_t pid = getpid();
    CHECK(pid != parent && gettid() == pid && syscall(SYS_gettid) == pid && syscall(SYS_getpid) == pid &&
          getppid() == parent);
    CHECK(raise(SIGUSR1) == 0 && handled == 1 && pthread_kill(pthread_self(), SIGUSR1) == 0 && handled == 2);
    pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    CHECK(pthread_mutex_lock(&recursive) == 0 && pthread_mutex_lock(&recursive) == 0);
    run_on_each(checks_thread, &pid);
    CHECK(syscall(SYS_tgkill, parent, own, 0) == 0);
    _exit(0);
  }
  CHECK_EXITED(child, 0);
  CHECK(gettid() == own && getpid() == parent && handled == 0);
  return argument;
}

int main(void) {
  signal(SIGUSR1, on_signal);
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
