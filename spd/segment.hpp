// SPDX-License-Identifier: Apache-2.0
// The cluster segment in spd and in shadows.
#pragma once
#include "libsuperproc/cluster/node_mesh.hpp"

namespace sp::spd {
// Maps it at its fixed address and checks whose it is. Ends the process with a message otherwise.
void map_cluster(int descriptor);

// Whoever watches a process for the sake of this use of the record is told first that it is over: the next use may begin
// at once, and must not be taken for this one.
inline void release(wire::Moved& m) {
  m.use.fetch_add(1);
  set_state(m, wire::MovedState::free);
}

} // namespace sp::spd
