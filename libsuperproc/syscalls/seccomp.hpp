// SPDX-License-Identifier: Apache-2.0
// A seccomp filter of the program, for the two calls that install one.
#pragma once
#include "libsuperproc/syscalls/call.hpp"

namespace sp {

// The call with the program (sock_fprog) at argument `index` put behind our rule; `flags` as of seccomp(2).
long install_program_filter(const Call& call, int index, uint64_t flags);

} // namespace sp
