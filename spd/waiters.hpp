// SPDX-License-Identifier: Apache-2.0
// Processes of this node that wait, or wake, in the cluster's hash of futexes (libsuperproc/process/shared_futex.hpp): when one
// has ended, whatever it left there is taken away, and its waiters' wakes go to others.
#pragma once
#include <sys/types.h>

#include "libsuperproc/base/ids.hpp"

namespace sp::spd {

// 0 or -errno. Until it has ended.
long watch_waiter(NodeId self, pid_t pid);

// A process of this node has ended: before whoever waits for it learns of that.
void waiter_ended(NodeId self, pid_t pid);

// Never returns.
[[noreturn]] void watch_waiters(NodeId self);

} // namespace sp::spd
