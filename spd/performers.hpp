// SPDX-License-Identifier: Apache-2.0
// How a shadow performs the calls of its body: at once where the call cannot wait, else on a thread that may.
#pragma once
#include "gnttab-shm/ring.hpp"

namespace sp::spd {

// A call as the request has it: number, six arguments, and the descriptor that a new open file shall have, plus 1 (0:
// the call makes none).
using CallWords = uint64_t[wire::kSlotArgumentCount];

bool may_block(const CallWords& call);
long perform_call(uint32_t record, const CallWords& call);

// Only the taker calls these. False: all performers are busy.
bool give_to_performer(uint32_t record, const Ring& ring, const TakenRequest& taken);
// Makes a call that waits return EINTR; nothing if it has just ended. May come too early: who asked asks again.
void interrupt_performer(Ticket ticket);
// After a fork: the threads are not in the child.
void forget_performers();

} // namespace sp::spd
