// SPDX-License-Identifier: Apache-2.0
// A program's threads take a monotonic time from one kernel to another: as a deadline, or to compare it. Kernels count from
// their own boot. So the nodes of other domains are in a time namespace (time_namespaces(7)) in which CLOCK_MONOTONIC and
// CLOCK_BOOTTIME are what they are in the first domain: as exactly as each can look at Xen's time and its own together,
// some microseconds, and with the same rate where kernels take Xen for their clock source. CLOCK_REALTIME is each kernel's.
#pragma once
#include "gnttab-shm/wire_board.hpp"

namespace sp::spctl {

// The first domain's.
void tell_clocks(wire::Sleepers& sleepers);
// Another's, for the processes that this one makes from now on. False: the kernel refuses, errno says why.
bool follow_clocks(const wire::Sleepers& sleepers);

} // namespace sp::spctl
