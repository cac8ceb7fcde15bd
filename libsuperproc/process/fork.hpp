// SPDX-License-Identifier: Apache-2.0
// fork of a SubProcess.
//
// Native (one thread so far): the kernel's copy-on-write fork; the child only arms its traps again.
//
// Converted: memory is in segments, which a forked child would share. So the world is stopped, home clones (its children
// are the program's), and the child, on a stack of home's private region, maps every shared range privately at the same
// address, takes on a control segment of its own, and is a native process again. The parent's threads go on when nothing
// of the segments can change under the child any more: when it has copied the pages that exist, or has called exec.
//   parent: stops the world -> clone -> sleeps on `hold` until it is released or the child is dead -> world goes on
//   child:  private mappings -> copies -> hold = released, wake
// Should the child die before that, the parent notices (it looks every few milliseconds) and goes on.
#pragma once
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

long fork_process(const CloneArguments& arguments, const Registers& caller, uint64_t mask);

// At home, the world stopped: by the calling thread, or by the agent for a thread elsewhere.
long fork_for(const ForkRequest& request);

} // namespace sp
