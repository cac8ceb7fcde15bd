// SPDX-License-Identifier: Apache-2.0
// Threads of another SubProcess. Its number is its home process's, but a thread away from home belongs, to the kernel, to a
// resident: a child of that process which sends it no signal at its end. This is how it is found, without any table.
#pragma once
#include "libsuperproc/cluster/self.hpp"

namespace sp {

// The process that holds thread `tid` of the SubProcess `pid`, or 0: it is no such thread.
int32_t resident_with_thread(int32_t pid, int32_t tid);

// From the other's control segment, which lies where ours does. A child that fork has just made may still have its
// parent's: what it says counts only if it names the process itself.
struct Residents {
  uint64_t magic;
  wire::SubProcessState state;
  int32_t home;
  int32_t pids[kNodeCountMax];
};
Residents residents_of(int32_t pid);

// The number that a process is known by: its own, or that of the SubProcess whose resident it is.
int32_t subprocess_of(int32_t pid);

} // namespace sp
