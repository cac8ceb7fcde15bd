// SPDX-License-Identifier: Apache-2.0
// Where the System V segments of this node's kernel lie in its pool (libsuperproc/process/shared_memory.hpp), those too that
// are made here for what programs share by mmap (process/shared_mapping.hpp). The table is this process's alone; which
// segments there are, and who has them, the kernel says.
#pragma once
#include <cstdint>
#include <sys/types.h>

#include "libsuperproc/base/ids.hpp"

namespace sp::spd {

// wire/segment.hpp; what it says, or -errno. What is to be placed is attached by whoever asks, so it stays.
long serve_segment(NodeId self, uint64_t number, uint64_t what, uint64_t third);
// The process maps none any more.
void let_go_segments(pid_t pid);
// Empties the places of those that are gone.
void sweep_segments(NodeId self);

} // namespace sp::spd
