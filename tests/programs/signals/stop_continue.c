// SPDX-License-Identifier: Apache-2.0
// A stopped process does not run in any of its threads until SIGCONT; the parent's wait sees stop and continuation.
// Breaks when SIGSTOP stops the home resident only.
// calls: kill wait4 fork
// threads: 2
#include "../check.h"

static int* shared;

static void* counts(void* argument) {
  for (;;) {
    __atomic_fetch_add(&shared[(intptr_t)argument], 1, __ATOMIC_SEQ_CST);
    usleep(100);
  }
  return NULL;
}
static void child_body(void) {
  for (intptr_t i = 0; i < 3; i++) start(counts, (void*)i);
  for (;;) pause();
}
static int sum(void) { return shared[0] + shared[1] + shared[2]; }

int main(void) {
  join(start(nothing, NULL)), join(start(nothing, NULL));
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int status;
  pid_t child = fork();
  if (child == 0) child_body();
  EVENTUALLY(__atomic_load_n(&shared[0], __ATOMIC_SEQ_CST) && __atomic_load_n(&shared[1], __ATOMIC_SEQ_CST) &&
             __atomic_load_n(&shared[2], __ATOMIC_SEQ_CST));
  CHECK(kill(child, SIGSTOP) == 0);
  CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  sleep_ms(10);
  int before = sum();
  sleep_ms(30);
  CHECK(sum() == before);
  CHECK(kill(child, SIGCONT) == 0);
  CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
  EVENTUALLY(sum() > before + 3);
  int first = __atomic_load_n(&shared[0], __ATOMIC_SEQ_CST), second = __atomic_load_n(&shared[1], __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&shared[0], __ATOMIC_SEQ_CST) > first &&
             __atomic_load_n(&shared[1], __ATOMIC_SEQ_CST) > second);
  kill(child, SIGKILL);
  status = status_of(child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  ok();
}
