// SPDX-License-Identifier: Apache-2.0
// Syscall User Dispatch: what was not patched raises SIGSYS and comes here. The kernel forgets it in every new thread and
// fork child, so each arms it again; a program's own SIGSYS (raise, kill, sigqueue) differs by si_code.
#pragma once

namespace sp::shim {

// Owns SIGSYS, unblocks it and arms this thread. False: this kernel has no Syscall User Dispatch.
bool start_trapping();

} // namespace sp::shim
