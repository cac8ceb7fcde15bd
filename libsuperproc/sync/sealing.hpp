// SPDX-License-Identifier: Apache-2.0
// When Syscall User Dispatch is armed. It makes every system call dearer, patched ones too, so a SubProcess does without
// for as long as it is *sealed*: everything it can execute is proven to make no call that the shim would miss.
//
// Protocol
//  - Sealed is decided once, at start, while there is one thread (shim/proof.hpp). The way back is taken once.
//  - A call that may bring executable memory is guarded (syscalls/code_guard.hpp): before it is performed, what it brings is
//    proven, or the seal is broken. So no instruction that is not proven can ever be fetched before the seal is broken.
//  - Who breaks it stops the world (stop_world.hpp), notes `armed`, lets the world go on, and performs its call then.
//    Every thread reads the note, and arms itself, before it goes on with the program's code:
//      one that was stopped     when it comes out of stop_here
//      one that waits for vfork when it comes out of that, through stop_here as well
//      one that is being made   in its first steps, before it can be stopped; if it read the note too early it counts as
//                               running from then on and is stopped
//      a fork's child           in its first steps; its copy of the note is not older than its copy of the mappings
//    A process that borrows memory (vfork) may break the seal as any thread, but needs no trap: its calls pass anyway.
//  - Service threads run no code of the program and are never armed.
#pragma once
#include "libsuperproc/cluster/self.hpp"

namespace sp {

inline bool is_sealed() { return control().dispatch.load(std::memory_order_relaxed) == wire::Dispatch::sealed; }

// The calling thread: everything outside the gate traps. False where the kernel has no Syscall User Dispatch.
bool arm_this_thread();

// In new threads and processes: armed unless sealed.
void arm_unless_sealed();

// At start, in the only thread: which was armed, and is not any more.
void seal();

// Returns when no thread can go on with the program without being armed. `call` and `what` say why.
void break_seal(const char* call, const char* what);

// Why it is not sealed: the first reason stays.
void note_reason(const char* call, const char* what);

} // namespace sp
