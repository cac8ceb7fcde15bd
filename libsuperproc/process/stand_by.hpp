// SPDX-License-Identifier: Apache-2.0
// A fork's child whose body has arrived on another node, before it becomes that one's shadow.
//
// Many children end soon, and then a shadow is all they would have begun. So the process stands by for a moment: if the
// body ends meanwhile, it ends alike. It becomes the shadow when the moment is over, or as soon as there is anything for
// one to do: a request of the body's (which waits in the ring), a stop. Its signals are blocked and stay pending.
//
// The record is `leaving` all the while. What if it dies here? spd watches it and kills the body.
#pragma once
#include <cstdint>

namespace sp {

// Returns when a shadow is wanted.
void stand_by(uint32_t record);

} // namespace sp
