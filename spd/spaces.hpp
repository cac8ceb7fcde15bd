// SPDX-License-Identifier: Apache-2.0
// The spaces in the pools that processes of this node hold (wire/pool.hpp).
#pragma once
#include <cstdint>
#include <sys/types.h>
#include <vector>

#include "libsuperproc/base/ids.hpp"

namespace sp::spd {

void have_pools(std::vector<int> descriptors); // of all nodes

long hold_space(NodeId self, uint64_t space, pid_t pid); // 0 or -errno
long let_go_space(NodeId self, uint64_t space, pid_t pid);
void let_go_spaces(NodeId self, pid_t pid);

// A child of spd's holds one that somebody else holds as well; spd says itself when it has reaped the child.
void hold_for_child(NodeId self, uint32_t space);
void let_go_for_child(NodeId self, uint32_t space);

// Lets go of what processes have held that are gone now. Never returns.
[[noreturn]] void watch_holders(NodeId self);

int pool_of(NodeId self);
// A part of this node's pool.
void empty_pool(NodeId self, uint64_t offset, uint64_t bytes);

} // namespace sp::spd
