// SPDX-License-Identifier: Apache-2.0
// getcontext, makecontext and swapcontext: coroutines on stacks from the heap and from mmap, switched in each thread,
// also to another thread. Breaks when rt_sigprocmask inside swapcontext goes wrong, or stacks are not shared memory.
// calls: rt_sigprocmask mmap
// threads: 6
#include "../check.h"
#include <ucontext.h>

static __thread ucontext_t* caller;
struct coroutine {
  ucontext_t own;
  int steps;
};

// Not to be computed once: the thread is another one after a switch.
__attribute__((noipa)) static ucontext_t* caller_of_now(void) { return caller; }

static void runs(unsigned high, unsigned low) {
  struct coroutine* self = (struct coroutine*)((uintptr_t)high << 32 | low);
  volatile double kept = 0.5;
  for (int i = 0; i < 300; i++) {
    self->steps++;
    kept += 1;
    CHECK(kept == i + 1.5);
    swapcontext(&self->own, caller_of_now());
  }
}
static void* resumes(void* argument) {
  ucontext_t here;
  struct coroutine* coroutine = argument;
  caller = &here;
  for (int i = 0; i < 50; i++) CHECK(swapcontext(&here, &coroutine->own) == 0);
  return NULL;
}

int main(void) {
  for (int round = 0; round < 2; round++) {
    struct coroutine* coroutine = calloc(1, sizeof *coroutine);
    getcontext(&coroutine->own);
    coroutine->own.uc_stack.ss_size = 65536;
    coroutine->own.uc_stack.ss_sp =
        round ? malloc(65536) : mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    makecontext(&coroutine->own, (void (*)(void))runs, 2, (unsigned)((uintptr_t)coroutine >> 32),
                (unsigned)(uintptr_t)coroutine);
    for (int i = 1; i <= 3; i++) {
      resumes(coroutine);
      join(start(resumes, coroutine)); // goes on on another thread
      CHECK(coroutine->steps == i * 100);
    }
  }
  ok();
}
