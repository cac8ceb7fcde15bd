// SPDX-License-Identifier: Apache-2.0
// The raw clone3 call: either ENOSYS, then clone is what programs use, or a process and a thread by it work, with
// stack and exit signal. Breaks when clone3 is passed on half: a thread that the shim never heard of.
// calls: clone3 wait4 futex
// threads: 8
#include "../check.h"
#include <linux/futex.h>
#include <linux/sched.h>

static volatile int tid, result;

static long raw_clone3(struct clone_args* arguments) {
  long id;
  __asm__ volatile("syscall\n testq %%rax, %%rax\n jnz 1f\n xorl %%ebp, %%ebp\n movl $77, (%%rbx)\n xorl %%edi, "
                   "%%edi\n movl $60, %%eax\n syscall\n 1:"
                   : "=a"(id)
                   : "a"(SYS_clone3), "D"(arguments), "S"(sizeof *arguments), "b"(&result)
                   : "rcx", "r11", "memory");
  return id;
}
static void* process(void* argument) {
  struct clone_args arguments = {.exit_signal = SIGCHLD};
  long id = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (id == 0) _exit(44);
  if (id == -1)
    CHECK(errno == ENOSYS);
  else
    CHECK_EXITED((pid_t)id, 44);
  return argument;
}
static void* thread(void* argument) {
  char* stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct clone_args arguments = {.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                                          CLONE_SYSVSEM | CLONE_CHILD_CLEARTID,
                                 .child_tid = (uint64_t)&tid,
                                 .stack = (uint64_t)stack,
                                 .stack_size = 65536};
  tid = 1, result = 0;
  long id = raw_clone3(&arguments);
  if (id > 0) {
    while (tid != 0) syscall(SYS_futex, &tid, FUTEX_WAIT, tid, NULL, NULL, 0);
    CHECK(result == 77);
  } else {
    CHECK(id == -ENOSYS);
  }
  CHECK(munmap(stack, 65536) == 0);
  return argument;
}

int main(void) {
  process(NULL), thread(NULL), thread(NULL);
  run_on_each(process, NULL);
  run_on_each(thread, NULL);
  ok();
}
