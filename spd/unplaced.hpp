// SPDX-License-Identifier: Apache-2.0
// New descriptors of a shadow that have no number of the body's yet: received in messages, or made for passing. Their
// numbers are above those that a body can have (wire::kUnplaced) until the body places them (dup3). The kernel gives them
// a low number first; for that moment, and whenever a number is given, the numbers are held.
#pragma once
#include <mutex>
#include <sys/socket.h>

#include "spd/performers.hpp"

namespace sp::spd {

// By all that gives or takes a number; and around fork, so that no child inherits what is not placed. Nothing in it waits.
std::mutex& numbers();

void allow_unplaced(); // at the start: the limit of open files is the body's concern, not the shadow's
void drop_unplaced();  // in a child of the shadow

long make_pair(const CallWords& call);                        // pipe2, socketpair
long receive_unplaced(int socket, msghdr& message, int flags); // recvmsg

} // namespace sp::spd
