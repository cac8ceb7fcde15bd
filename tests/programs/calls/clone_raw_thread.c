// SPDX-License-Identifier: Apache-2.0
// A thread made by the raw clone call with a stack, PARENT_SETTID and CHILD_CLEARTID, inline, as run-times without
// pthreads do. Breaks when clone returns in the child into a frame that is not on its new stack.
// calls: clone futex exit
// threads: 4
#include "../check.h"
#include <linux/futex.h>

enum {
  kFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
           CLONE_CHILD_CLEARTID
};
static volatile int tid, parent_tid, result, in_child_pid;

// The child calls its function on the new stack and exits by an inline call; it has no TLS of its own, so it uses no libc.
static long raw_clone(void* stack) {
  long id;
  register long r10 __asm__("r10") = (long)&tid;
  register long r8 __asm__("r8") = 0;
  __asm__ volatile(
      "syscall\n testq %%rax, %%rax\n jnz 1f\n xorl %%ebp, %%ebp\n popq %%rax\n popq %%rdi\n callq *%%rax\n"
      "movl %%eax, %%edi\n movl $60, %%eax\n syscall\n 1:"
      : "=a"(id)
      : "a"(SYS_clone), "D"((long)kFlags), "S"(stack), "d"(&parent_tid), "r"(r10), "r"(r8)
      : "rcx", "r11", "memory");
  return id;
}
static int child(long value) {
  long id;
  __asm__ volatile("syscall" : "=a"(id) : "a"(SYS_getpid) : "rcx", "r11", "memory");
  in_child_pid = (int)id;
  result = (int)value * 2;
  return 0;
}

int main(void) {
  for (int i = 1; i <= 6; i++) {
    char* stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long* top = (long*)(stack + 65536 - 64);
    top[0] = (long)child, top[1] = i;
    tid = 1, result = 0;
    long id = raw_clone(top);
    CHECK(id > 0 && parent_tid == id);
    while (tid != 0) syscall(SYS_futex, &tid, FUTEX_WAIT, tid, NULL, NULL, 0);
    CHECK(result == 2 * i && in_child_pid == getpid());
    CHECK(munmap(stack, 65536) == 0);
    if (i == 3) run_on_each(nothing, NULL);
  }
  ok();
}
