// SPDX-License-Identifier: Apache-2.0
// New descriptors of a shadow. Which number one gets is the body's decision, and the record's list says which are given;
// the kernel gives a low number first, to any of this process's threads at any time. So a number that is not in the list
// may be somebody's for the two calls that it takes to move the file away, and who places a file there waits that long:
//   opened, numbered by the kernel -> placed (in the list)                            its number was free: place_number
//                                  -> unplaced (wire::kUnplaced and above) -> placed  else, and where no number is
//                                                                                     chosen yet: pairs, messages
// No lock: open may wait for ever, in a FIFO's. A fork's child closes whatever is not in its list.
#pragma once
#include <atomic>
#include <sys/socket.h>

#include "spd/performers.hpp"

namespace sp::spd {

// At the start: the limit of open files is the body's concern, not the shadow's. Where the hard limit leaves no room above
// wire::kUnplaced, its last quarter is used, which the body's numbers then wait for.
void allow_unplaced();
bool may_be_unplaced(uint64_t number);
// In a child of the shadow.
void drop_unplaced(const std::atomic<uint8_t>* published);

// The new number, or -errno. The first two take `descriptor` away, whatever comes of it.
long raise_number(long descriptor);
long place_number(long descriptor, long number); // a free one
long place_copy(long descriptor, long number, bool close_on_exec);

long make_pair(const CallWords& call);                        // pipe2, socketpair
long receive_unplaced(int socket, msghdr& message, int flags); // recvmsg

} // namespace sp::spd
