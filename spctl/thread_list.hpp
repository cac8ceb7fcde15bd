// SPDX-License-Identifier: Apache-2.0
// The program's threads on all nodes, as ps and top show those of a native process: what superproc knows of them, and what
// the kernel says in /proc about each. Service threads are not among them.
#pragma once
#include "spctl/subprocess_list.hpp"

namespace sp::spctl {

struct ThreadLine {
  int32_t tid;
  uint32_t node;
  char state; // as ps has it
  uint64_t cpu_seconds;
  std::string name; // printable
};

// Threads that end meanwhile are left out.
std::vector<ThreadLine> list_threads(const SubProcess& subprocess);

} // namespace sp::spctl
