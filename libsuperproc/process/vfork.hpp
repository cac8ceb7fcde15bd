// SPDX-License-Identifier: Apache-2.0
// vfork: the child runs on its parent's stack, below the frame that called vfork, where the shim's own frames of that
// call lie. So the parent waits on a stack of its own and goes on from a copy of its registers, never through the frames
// that the child has overwritten.
#pragma once
#include "libsuperproc/process/clone.hpp"

namespace sp {

// Does not return in the usual way when it succeeds: parent and child both go on with the registers.
long vfork_process(const CloneArguments& arguments, const Registers& caller, uint64_t mask);

// Frees the thread's stack for this, if it has one.
void forget_vfork_stack();

} // namespace sp
