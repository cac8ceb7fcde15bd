// SPDX-License-Identifier: Apache-2.0
#include "spd/begin_as.hpp"

#include <csignal>
#include <cerrno>
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sp::spd {

long fork_as(pid_t pid) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<uint64_t>(&pid);
  arguments.set_tid_size = 1;
  const long made = syscall(SYS_clone3, &arguments, sizeof arguments);
  return made < 0 ? -errno : made;
}

long begin_as(pid_t pid, void (*begin)(void*), void* argument, ChildMemory& memory) {
  clone_args arguments{};
  arguments.flags = CLONE_VM | CLONE_CHILD_CLEARTID;
  arguments.child_tid = reinterpret_cast<uint64_t>(&memory.in_use);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<uint64_t>(memory.stack);
  arguments.stack_size = sizeof memory.stack;
  arguments.set_tid = reinterpret_cast<uint64_t>(&pid);
  arguments.set_tid_size = 1;
  using Begin = void (*)(void*);
  register Begin first asm("r12") = begin;
  register void* given asm("r13") = argument;
  long made = SYS_clone3;
  memory.in_use.store(1);
  asm volatile("syscall\n\t"
               "test %%rax, %%rax\n\t"
               "jnz 1f\n\t"
               "xor %%ebp, %%ebp\n\t"
               "mov %%r13, %%rdi\n\t"
               "call *%%r12\n\t"
               "hlt\n"
               "1:"
               : "+a"(made)
               : "D"(&arguments), "S"(sizeof arguments), "r"(first), "r"(given)
               : "rcx", "r11", "memory", "cc");
  if (made < 0) memory.in_use.store(0);
  return made;
}

} // namespace sp::spd
