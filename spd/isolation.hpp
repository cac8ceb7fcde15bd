// SPDX-License-Identifier: Apache-2.0
// What a node of its own is, on one Linux: spd has been started as the first process of new namespaces (spctl/cluster.cpp)
// and furnishes them. Everything vanishes with the last process of the node.
#pragma once
#include "libsuperproc/base/ids.hpp"

namespace sp::spd {

// Own /proc, and on nodes other than the first own POSIX memory and message queues. Gives up when the kernel does
// not allow it.
void furnish(NodeId self);

// For the program: gives up what spd may do beyond its user.
void drop_privileges();

} // namespace sp::spd
