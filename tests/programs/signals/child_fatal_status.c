// SPDX-License-Identifier: Apache-2.0
// Children with threads of their own die by each of many signals and faults; the parent's wait sees the signal, as
// natively. Breaks when a threaded child reports its residents' ends differently.
// calls: fork wait4 kill
// threads: 4
#include "../check.h"
#include <sys/resource.h>

static void* sleeps(void* argument) {
  for (;;) pause();
  return argument;
}
static void* dies(void* argument) {
  int number = (int)(intptr_t)argument;
  if (number == SIGSEGV) *(volatile int*)16 = 1;
  if (number == SIGABRT) abort();
  if (number == SIGILL) __asm__ volatile("ud2");
  kill(getpid(), number);
  for (;;) pause();
}
static void* body(void* argument) {
  const int numbers[] = {SIGSEGV, SIGABRT, SIGILL, SIGKILL, SIGTERM, SIGUSR1, SIGALRM, SIGPIPE, SIGRTMIN + 5};
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    pid_t child = fork();
    if (child == 0) {
      if (argument != NULL) start(sleeps, NULL), join(start(dies, (void*)(intptr_t)numbers[i]));
      dies((void*)(intptr_t)numbers[i]);
    }
    int status = status_of(child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == numbers[i]);
  }
  return NULL;
}

int main(void) {
  struct rlimit none = {0, 0};
  CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
  body(NULL);
  run_on_each(body, NULL);
  body((void*)1);
  ok();
}
