// SPDX-License-Identifier: Apache-2.0
// fork of a SubProcess.
//
// Native (one thread so far): the kernel's copy-on-write fork; the child only arms its traps again, if they were.
//
// Converted: memory is in segments, which a forked child would share. So the world is stopped, home clones (its children
// are the program's), and the child, on a stack of home's private region, maps every shared range privately at the same
// address, takes on a control segment of its own, and is a native process again. The parent's threads go on when nothing
// of the segments can change under the child any more: when it has called exec, or has copied the pages that exist. It
// copies a small memory at once and a larger one when it has not called exec within a few milliseconds.
//   parent: stops the world -> clone -> sleeps on `hold` -> world goes on
//   child:  private mappings -> hold = its tid, on a robust list -> goes on with the program -> timer: copies, releases
// A call that would meet the mappings as they are meanwhile copies first (syscalls/copy_first).
// exec and death release through the robust list: the kernel marks the word and wakes the parent, whatever happens.
#pragma once
#include <csignal>

#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/clone.hpp"

namespace sp {

struct ForkRequest {
  uint64_t flags;
  Registers* registers; // what the child goes on with
  uint64_t child_tid;
  uint64_t tls;
  uint64_t mask;
  uint32_t sigsys_blocked;
  int32_t signal_stack_set;
  uint64_t signal_stack[3]; // stack_t
  wire::CpuMask affinity;
};

// Called in a child that is a native process again: dispatch wants to see fewer calls. Set by the shim.
extern void (*native_again)();
extern void (*begun_anew)(); // in every child

// Called in the child when it begins and when it ceases to hold its parent. Set by the shim.
extern void (*holding)(bool holds);

long fork_process(const CloneArguments& arguments, const Registers& caller, uint64_t mask);

// The same of a moved SubProcess: the child gets a shadow of its own.
long fork_body(const CloneArguments& arguments, const Registers& caller, uint64_t mask);

// In a child that still holds its parent: copies what is left and lets go. Before it forks, clones, or by its timer.
// Elsewhere nothing.
void finish_fork_copy();
bool is_copy_signal(const siginfo_t* info);
long set_robust_list(uint64_t list, uint64_t bytes); // the program's

// At home, the world stopped: by the calling thread, or by the stand-in of a thread elsewhere.
long fork_for(const ForkRequest& request);

} // namespace sp
