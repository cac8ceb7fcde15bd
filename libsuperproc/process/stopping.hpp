// SPDX-License-Identifier: Apache-2.0
// Stopping and continuing a SubProcess. The kernel does it for one process; the sender's shim sends the signal to each
// resident of the target, so that all threads stop and go on. Home's is the one that the parent's wait reports, and the
// only one that enters a handler: the residents' carry a mark and are dropped there. Signals that a terminal or a sender
// sends to the process group reach the residents anyway. A sender that does not run under superproc stops home only; then
// process/observer.hpp has the rest follow.
#pragma once
#include <cstdint>

namespace sp {

bool stops_or_continues(int signal);

// The same to all residents of `pid` but its home; those of our own node come last, and the caller is stopped then.
// Nothing if it is no SubProcess that was converted.
void send_to_other_residents(int32_t pid, int signal);

} // namespace sp
