// SPDX-License-Identifier: Apache-2.0
// Creating threads. The child's registers are saved on its own new stack; whoever calls clone, a thread here or the agent
// of another node (memory is shared, so the pointers mean the same there), the child restores them and goes on behind the
// program's `syscall`. pthread_create is not re-implemented.
#pragma once
#include "libsuperproc/base/registers.hpp"

namespace sp {

struct CloneArguments {
  uint64_t flags; // with the exit signal in the low byte, as clone(2) has it
  uint64_t stack; // the child's stack pointer, 0: the caller's
  uint64_t parent_tid;
  uint64_t child_tid;
  uint64_t tls;
};

long clone_thread(const CloneArguments& arguments, const Registers& caller, uint64_t mask);
long clone_borrower(const CloneArguments& arguments, const Registers& caller, uint64_t mask); // vfork, posix_spawn

} // namespace sp
