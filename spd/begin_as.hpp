// SPDX-License-Identifier: Apache-2.0
// Children with chosen numbers.
#pragma once
#include <cstdint>
#include <sys/types.h>

namespace sp::spd {

// As fork: 0 in the child, its number or -errno.
long fork_as(pid_t pid);

// A child that runs begin(argument), which calls exec or _exit. Until then it has this process's memory, which would be
// copied for nothing, with a stack of its own, and the calling thread sleeps. Only one thread may call it. The number or
// -errno.
long vfork_as(pid_t pid, void (*begin)(void*), void* argument);

} // namespace sp::spd
