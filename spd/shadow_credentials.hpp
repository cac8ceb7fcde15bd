// SPDX-License-Identifier: Apache-2.0
// What a shadow may do: what its body may, also after the body has become another user, or has given up capabilities; never
// more. To the kernel each thread has credentials of its own. Each thread of the shadow takes the newest ones on before it
// performs a call. The main thread performs none, but is what /proc shows and whom kill(2) asks: it is told by a signal, and
// the body goes on when it has them.
#pragma once
#include "libsuperproc/wire/cluster.hpp"

namespace sp::spd {

inline constexpr int kTakeOnSignal = 32; // libc's own: no program sends it to a process

bool have_credentials(const wire::Credentials& given); // a copy that nobody changes; false: they are the old ones
void take_on_credentials();                            // by the calling thread
void main_is_ready(); // it waits for signals from now on
void main_takes_on_credentials();
void let_main_take_on_credentials();
void forget_other_threads_credentials(); // in a fork's child

} // namespace sp::spd
