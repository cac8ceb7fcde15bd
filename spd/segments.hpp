// SPDX-License-Identifier: Apache-2.0
// Where the System V segments of this node's kernel lie in its pool (libsuperproc/process/shared_memory.hpp). The table is
// this process's alone; which segments there are the kernel says.
#pragma once
#include <cstdint>

#include "libsuperproc/base/ids.hpp"

namespace sp::spd {

// The offset of the segment in the pool, or -errno. It is attached by whoever asks, so it stays.
long place_segment(NodeId self, uint64_t id);
// Empties the places of those that are gone.
void sweep_segments(NodeId self);

} // namespace sp::spd
