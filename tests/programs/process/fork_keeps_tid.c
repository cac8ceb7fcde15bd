// SPDX-License-Identifier: Apache-2.0
// A fork writes the child's number where libc keeps the calling thread's: in the child, never in the parent. After it the
// thread can still be signalled, and a mutex that knows its owner still knows it. Breaks
// when the child's memory is still the parent's while the kernel writes.
// calls: fork
// threads: 4
#include "../check.h"

static pthread_mutex_t owned;

static void* forker(void* argument) {
  for (int round = 0; round < 5; ++round) {
    CHECK(pthread_mutex_lock(&owned) == 0);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) _exit(pthread_kill(pthread_self(), 0) == 0 && getpid() == gettid() ? 3 : 4);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    CHECK(pthread_kill(pthread_self(), 0) == 0);
    CHECK(pthread_mutex_lock(&owned) == EDEADLK);
    CHECK(pthread_mutex_unlock(&owned) == 0);
  }
  return argument;
}

int main(void) {
  pthread_mutexattr_t kind;
  pthread_mutexattr_init(&kind);
  pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init(&owned, &kind);
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) CHECK(pthread_create(&threads[i], 0, forker, 0) == 0);
  for (int i = 0; i < 4; ++i) CHECK(pthread_join(threads[i], 0) == 0);
  ok();
}
