// SPDX-License-Identifier: Apache-2.0
// Arms Syscall User Dispatch for the calling thread: everything outside the gate traps. False where the kernel lacks it.
#pragma once

namespace sp {
bool arm_this_thread();
}
