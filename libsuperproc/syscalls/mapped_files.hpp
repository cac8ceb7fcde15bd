// SPDX-License-Identifier: Apache-2.0
// Calls on files of memory that this process has mapped: their bytes are in the pool meanwhile (process/shared_mapping.hpp), and
// the file of the kernel has its length, offsets, seals and rights. So the kernel performs the call on that; then what was read
// is taken from the pool again, and what was written is put there as well.
#pragma once
#include "libsuperproc/syscalls/call.hpp"

namespace sp {

void watch_file_calls();

// 0, or why the call must not be.
long before_file_call(const Call& call);
// With what it has returned.
void complete_file_call(const Call& call, long result);

} // namespace sp
