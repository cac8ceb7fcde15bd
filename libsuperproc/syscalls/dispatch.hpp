// SPDX-License-Identifier: Apache-2.0
// From a system call's number to the function of its row in syscalls.def.
//
// Which calls are of interest (sp_interest) depends on the process: while it has one thread only those are that could end
// this state, or would show the shim to the program; once it is converted, every row whose route is not `kernel`.
#pragma once
#include "libsuperproc/syscalls/call.hpp"

namespace sp {

enum class Interest { native, shared };
void set_interest(Interest interest);

// Does dispatch want to see this call in any state? After set_interest.
bool has_handler(uint32_t number);

// A call that is of interest for a time only: while `handler` is set, it sees every such call; null: no more. For calls
// whose row says `kernel`.
void watch(uint32_t number, Handler handler);

// This process has memory that processes of several nodes share: from now on its futexes may be the cluster's.
void watch_shared_futexes();

// The result as the application gets it.
long dispatch(Call& call);

} // namespace sp

// Called by the gate (trap == nullptr) and by the trap handler. Leaves the result in registers->rax.
extern "C" void sp_dispatch(sp::Registers* registers, ucontext_t* trap);
