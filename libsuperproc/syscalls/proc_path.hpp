// SPDX-License-Identifier: Apache-2.0
// Paths that name the calling process to the kernel: below /proc/self, /proc/thread-self and /proc/PID with the
// SubProcess's number. Only absolute paths are looked at; one that is relative to a descriptor of /proc is left alone,
// and so is what a symbolic link leads to.
//
// To the kernel the calling process is a resident. So that a program finds itself:
//   /proc/self/X                -> /proc/HOME/X                on other nodes than home
//   /proc/self/task/TID/X       -> /proc/TID/task/TID/X        for a thread that is not home's, on every node
// Left as they are: /proc/thread-self/X, which is right; /proc/self/mem, since each resident may open its own whatever
// Yama says and all have the same memory; anything longer than we care to copy (what lies behind cwd, root and fd is the
// same for every resident).
#pragma once
#include <cstdint>

#include "libsuperproc/cluster/self.hpp"

namespace sp {

// What is special about the named file beside its place.
enum class ProcFile : uint32_t { other, self_link, thread_self_link, status, task_list, thread_name };

struct ProcPath {
  const char* path; // to be used in place of the given one
  ProcFile file;
  NodeId node; // thread_name: where the thread is
  char text[256];
};

// False: the path has nothing to do with us. A few instructions unless it begins with /proc/.
bool find_proc_path(const char* given, ProcPath& out);

} // namespace sp
