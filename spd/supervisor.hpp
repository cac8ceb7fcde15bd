// SPDX-License-Identifier: Apache-2.0
// Supervises programs without the shim (static ones, setuid ones) whose body is on this node: the kernel asks about those
// of their calls that may concern the shadow (spd/notified_filter.hpp), and a thread of spd's performs them in the program's
// place, as the shim would inside it.
//
//   listener   one for each program that was begun as such, shared by all that descend from it; it ends with the last
//   threads    one has its turn: it waits at the listener and performs what is asked; before a call that waits it leaves the
//              turn to the next
//
// What if one dies? The program: its call is no longer valid, and the shadow's part of it is ended. spd: the node dies. The
// shadow: it no longer answers, and spd kills the body.
#pragma once
#include <sys/types.h>

#include "libsuperproc/base/ids.hpp"

namespace sp::spd {

// Of process `pid`, its descriptor `number`. 0 or -errno.
long supervise(NodeId self, pid_t pid, int number);

} // namespace sp::spd
