// SPDX-License-Identifier: Apache-2.0
// Inline system calls on a stack of the program's own making, small and just below a page without access, and with odd
// alignment. Breaks when the shim's path uses much of the caller's stack, or needs it aligned.
// calls: getpid gettid
// threads: 4
#include "../check.h"

static long call_on(void* stack, long number) {
  long result;
  __asm__ volatile("movq %%rsp, %%rbx\n movq %2, %%rsp\n syscall\n movq %%rbx, %%rsp"
                   : "=a"(result)
                   : "0"(number), "r"(stack)
                   : "rbx", "rcx", "r11", "memory");
  return result;
}
static void* body(void* argument) {
  char* stack = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(stack != MAP_FAILED && mprotect(stack, 4096, PROT_NONE) == 0);
  for (int i = 0; i < 50; i++)
    for (int odd = 0; odd < 16; odd++) {
      CHECK(call_on(stack + 16 * 4096 - odd, SYS_getpid) == getpid());
      CHECK(call_on(stack + 16 * 4096 - odd, SYS_gettid) == gettid());
    }
  CHECK(munmap(stack, 16 * 4096) == 0);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
