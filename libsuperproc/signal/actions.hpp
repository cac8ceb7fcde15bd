// SPDX-License-Identifier: Apache-2.0
// The SubProcess's signal actions as the program sees them, one table for all residents. What the kernel has differs:
// handlers are entered through deliver() (signal/delivery.hpp) once the process is converted, SIGSYS is always ours, and
// no mask contains SIGSYS (a blocked SIGSYS would be fatal at the next dispatched call).
//
// Protocol: the table is changed under its lock by the thread that calls rt_sigaction, which then changes the kernel's
// action here and on every other node before it returns. A node that dies takes the SubProcess along, so there is no
// half-changed state to recover.
#pragma once
#include <csignal>
#include <cstdint>

#include "libsuperproc/base/kernel_action.hpp"
#include "libsuperproc/base/lock.hpp"
#include "libsuperproc/wire/control_tables.hpp"

namespace sp {

inline constexpr int kSignalCount = 64;
constexpr uint64_t signal_bit(int signal) { return 1ull << (signal - 1); }
constexpr uint64_t without_sigsys(uint64_t mask) { return mask & ~signal_bit(SIGSYS); }

inline constexpr uint64_t kSaRestorer = 0x04000000;

struct SignalTable {
  Lock lock;
  uint32_t reserved;
  uint64_t known; // bit of each signal whose action below is valid; else the kernel's is the program's
  KernelAction actions[kSignalCount + 1];
};

inline SignalTable& signal_table() { return *reinterpret_cast<SignalTable*>(wire::kSignalTable); }

// rt_sigaction for the program; old may be null. Returns 0 or -errno.
long change_action(int signal, const KernelAction* wanted, KernelAction* old);

// The program's action now.
KernelAction action_of(int signal);

// At conversion, before residents exist: takes over every action of the program and installs what the kernel shall have.
void take_over_actions();
// In a fork's child that is a process of its own again: gives them back to the kernel.
void give_back_actions();

// Does the default action end the process?
bool is_fatal_by_default(int signal);

// Installs the handler of dispatched calls (shim/trap.cpp).
void own_sigsys(void (*handler)(int, siginfo_t*, void*));

// What rt_sigaction shall do in one resident; the agent calls it for the other nodes.
long install_action(int signal, const KernelAction& kernel_action);

} // namespace sp
