// SPDX-License-Identifier: Apache-2.0
// How a SubProcess ends. Its parent is to see exactly what a native process would show: so the residents go first (no
// thread writes on after the status is known), then home ends with the status or the signal.
//
// Whoever takes the ending lock does it, and keeps the lock for ever; later ones sleep until they are killed. If home is
// killed by SIGKILL, each resident's parent-death signal ends it.
#pragma once
#include <csignal>
#include <ucontext.h>

namespace sp {

[[noreturn]] void exit_subprocess(int status);          // exit_group by a thread of the program, on any node
[[noreturn]] void end_subprocess(int status);           // at home
[[noreturn]] void end_subprocess_by_signal(int signal); // at home
void resident_died(int wait_status);                    // in the reaper

// The hook of signal/delivery: a signal whose default is death. Returns where the instruction shall fault again.
void die_by_signal_here(int signal, siginfo_t* info, ucontext_t* context);

// SYS_exit of a thread of the program.
[[noreturn]] void exit_thread(int code);

} // namespace sp
