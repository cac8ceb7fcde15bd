// SPDX-License-Identifier: Apache-2.0
// A shadow's part in pipes between bodies (wire/pipe_ring.hpp): before it does anything to such a descriptor but what cannot
// be told apart, it has the ring closed. Called by its taker only.
#pragma once
#include "libsuperproc/wire/pipe_ring.hpp"
#include "spd/performers.hpp"

namespace sp::spd {

long join_pipe_of(uint32_t record, uint64_t number, wire::PipeWish wish); // 0 or -errno
long fill_pipe_of(uint32_t record, uint64_t number);

void leave_pipe_of(uint32_t record, uint64_t number);
void leave_pipes(uint32_t record);
void leave_pipes_for(uint32_t record, const CallWords& call); // before it is performed

} // namespace sp::spd
