// SPDX-License-Identifier: Apache-2.0
// What a process of one thread has besides its memory and its descriptors, and takes along to another node. It is noted in
// the process's own memory, so nothing of it need be handed over.
#pragma once
#include "libsuperproc/base/registers.hpp"

namespace sp {

// What is the same for all children of a process and dear to find out (cpuid leaves a virtual machine): before it forks.
void prepare_travel();

// Where it goes on, with rax as the result, when it has taken everything on there.
Registers& point_of_return();

void note_belongings();

// There, first: the registers that no code of ours uses. Only then is there thread-local storage.
void take_on_registers();
void take_on_belongings();

} // namespace sp
