// SPDX-License-Identifier: Apache-2.0
// Calls about processes by their numbers (about_calls.hpp), from one node of a cluster about those that run on others. A process
// that has moved is where its body is; every other one, and the shadows of all, are on the first node; a thread is on the
// node that gave it its number. About a group: the first node's kernel knows who is in it, so its processes are asked for
// there, those that have moved one by one. About a user: on all nodes.
//
// A signal to a single thread is sent there by one that has the sender's number for that moment, so the thread sees who sent
// it. Threads that are on the first node, and first threads of those that have moved, get theirs without this.
//
// What a body's number stands for at home, its shadow, gets the same nice value and limit of file sizes: it is in the body's
// groups, and writes the body's files.
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"
#include "libsuperproc/wire/figures.hpp"
#include "libsuperproc/wire/inquiry.hpp"

namespace sp {

// Who calls.
struct Asker {
  NodeId node;
  int32_t process, thread;
  bool is_body;
  void (*read_rights)(wire::Credentials&);
  // A call without pointers, by the process where its group is known.
  long (*at_home)(long number, uint64_t a, uint64_t b, uint64_t c);
};

// Nothing: the kernel of this node is to be asked.
std::optional<long> ask_about(const Call& call, const Asker& asker);

// Of a process that has moved, by the node of its body. Nothing: there is none (any more).
std::optional<wire::Figures> ask_for_figures(int32_t pid, const Asker& asker);

} // namespace sp
