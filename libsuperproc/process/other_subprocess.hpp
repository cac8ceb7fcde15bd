// SPDX-License-Identifier: Apache-2.0
// Threads of another SubProcess. Its number is its home process's, but a thread away from home belongs, to the kernel, to a
// resident: a child of that process which sends it no signal at its end. This is how it is found, without any table.
#pragma once
#include <cstdint>

namespace sp {

// The process that holds thread `tid` of the SubProcess `pid`, or 0: it is no such thread.
int32_t resident_with_thread(int32_t pid, int32_t tid);

} // namespace sp
