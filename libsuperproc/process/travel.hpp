// SPDX-License-Identifier: Apache-2.0
// What a process of one thread has besides its memory and its descriptors, and takes along to another node: registers and
// what the kernel knows of its memory, noted there; and all else, its belongings, at the end of its record's transfer areas,
// where nothing else is until the body has taken them on (wire::Arrival).
#pragma once
#include "libsuperproc/base/registers.hpp"

namespace sp {

// What is the same for all children of a process and dear to find out (cpuid leaves a virtual machine): before it forks.
void prepare_travel();

// Where it goes on, with rax as the result, when it has taken everything on there.
Registers& point_of_return();

void note_registers(); // before its memory is described
void note_belongings(uint32_t record);

// There, first: the registers that no code of ours uses. Only then is there thread-local storage.
void take_on_registers();
void take_on_belongings(uint32_t record); // of a process with no action of its own for any signal

} // namespace sp
