// SPDX-License-Identifier: Apache-2.0
// Open files that are on their way between nodes in a message (vfd/passing.hpp): whose node they are on keeps them, under
// a number, until they are taken or nobody can take them any more. All numbers come from other processes.
#pragma once
#include <cstdint>
#include <sys/types.h>

namespace sp::spd {

inline constexpr uint32_t kParkedMax = 1024;

// A copy of a process's descriptor; -errno.
int take_from(pid_t pid, uint64_t descriptor);

long park(pid_t pid, uint64_t descriptor); // the number, or -errno
long drop_parked(uint64_t number);
// Sends it to the process through this socket of the process's own; 0 or -errno.
long hand_over(pid_t pid, uint64_t socket, uint64_t number, bool keep);

} // namespace sp::spd
