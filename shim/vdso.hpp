// SPDX-License-Identifier: Apache-2.0
// The vdso has system calls of its own, for what it cannot answer by itself: clock_gettime of a CPU clock is one, and the
// shim must see it. The kernel brings it, so there is no table. Each `syscall` there must be one of these:
//   of a number that is never of interest (getrandom, gettimeofday), told by the nearest `mov $number, %eax` before it
//   mov $number, %eax; syscall, into which nothing branches: patched, with a jump to a stub behind the code in the same page
// since the gate may be out of a jump's reach. No decoder: a branch counts wherever bytes look like one.
#pragma once
#include <cstdint>

namespace sp::shim {

// False: something is left that this does not understand; what was patched works all the same.
bool patch_vdso(uint64_t start, uint64_t end);

} // namespace sp::shim
