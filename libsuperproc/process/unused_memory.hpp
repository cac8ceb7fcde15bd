// SPDX-License-Identifier: Apache-2.0
// The memory of a fork's child that goes on elsewhere: what is left here runs only our code until it ends, or execs its
// shadow. To take the program's memory apart costs as much as to end; so it is done while there is nothing else to do.
#pragma once

namespace sp {

// By a process of one thread with all signals blocked, which does not return to its program any more. The memory map of our
// own, our code, the stack and what lies above it (its arguments), and thread-local storage stay.
void give_back_unused_memory();

} // namespace sp
