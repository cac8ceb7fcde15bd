// SPDX-License-Identifier: Apache-2.0
// Signal masks. The kernel's never contains SIGSYS; what the program believes about it is a flag of its ThreadRecord.
// A call that came through a trap runs inside a signal handler, whose return restores the mask from the frame: there the
// frame's mask is the thread's.
#pragma once
#include <csignal>
#include <cstdint>
#include <ucontext.h>

namespace sp {

inline uint64_t& mask_in(ucontext_t* context) { return *reinterpret_cast<uint64_t*>(&context->uc_sigmask); }

bool believes_sigsys_blocked(); // the program, of the calling thread

// rt_sigprocmask for the program; trap may be null. set and old may be null.
long change_mask(int how, const uint64_t* set, uint64_t* old, ucontext_t* trap);

} // namespace sp
