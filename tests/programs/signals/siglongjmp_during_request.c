// SPDX-License-Identifier: Apache-2.0
// A handler leaves by siglongjmp thousands of times while its thread makes calls that another node answers. Breaks when a
// request that nobody waits for any more keeps its place for ever: after a while no thread can ask anything.
// calls: getppid getrusage mprotect tgkill rt_sigprocmask
// threads: 4
#include "../check.h"
#include <setjmp.h>
#include <sys/resource.h>

enum { kThreads = 4, kJumps = 600 };
static pthread_t threads[kThreads];
static int ready, done;
static __thread sigjmp_buf back;
static __thread volatile int inside;

static void on_signal(int number) {
  if (!inside) return;
  inside = 0;
  siglongjmp(back, number);
}
static void* body(void* argument) {
  int self = (int)(intptr_t)argument;
  pid_t parent = getppid();
  char* page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct rusage usage;
  threads[self] = pthread_self();
  __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
  for (volatile int jumps = 0; jumps < kJumps;) {
    if (sigsetjmp(back, 1) != 0) {
      jumps++;
      continue;
    }
    for (inside = 1;;) {
      CHECK(getppid() == parent);
      CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
      CHECK(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0 && mprotect(page, 4096, PROT_READ) == 0);
    }
  }
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR1), pthread_sigmask(SIG_BLOCK, &set, NULL);
  __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&done, __ATOMIC_SEQ_CST) == kThreads + 1);
  CHECK(getppid() == parent && munmap(page, 4096) == 0);
  return argument;
}
static void* sender(void* argument) {
  EVENTUALLY(__atomic_load_n(&ready, __ATOMIC_SEQ_CST) == kThreads);
  while (__atomic_load_n(&done, __ATOMIC_SEQ_CST) < kThreads)
    for (int i = 0; i < kThreads; i++) CHECK(pthread_kill(threads[i], SIGUSR1) == 0);
  __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL);
  pthread_t started[kThreads];
  for (intptr_t i = 0; i < kThreads; i++) started[i] = start(body, (void*)i);
  sender(NULL);
  for (int i = 0; i < kThreads; i++) join(started[i]);
  ok();
}
