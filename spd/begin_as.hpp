// SPDX-License-Identifier: Apache-2.0
// Children with chosen numbers.
#pragma once
#include <atomic>
#include <cstdint>
#include <sys/types.h>

namespace sp::spd {

// As fork: 0 in the child, its number or -errno.
long fork_as(pid_t pid);

// A child that runs begin(argument), which calls exec or ends. Until then it has this process's memory, which would be
// copied for nothing, with a stack of its own; and this thread's errno, so it makes calls as sys::call does. The number or
// -errno.
struct ChildMemory {
  std::atomic<int32_t> in_use{0}; // until the child has called exec or is dead: the kernel stores 0
  alignas(16) char stack[64 << 10];
};
long begin_as(pid_t pid, void (*begin)(void*), void* argument, ChildMemory& memory);

} // namespace sp::spd
