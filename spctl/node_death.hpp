// SPDX-License-Identifier: Apache-2.0
// A node has died: its spd, the first process of its namespaces, and so every process there. The cluster's parent, which
// sees it, fences the node and gives its death one meaning.
//
// Order, and what if the parent dies here: it is killed only with the whole cluster, so every step is one for those who
// live. `dead` first: nobody begins to ask the node (placement looks, rings refuse). Then the epoch, so that who remembers
// an older one looks again. Then the rings, which end what is under way with EIO; then the records that name the node, and
// what its processes held of the pools.
#pragma once
#include <vector>

#include "libsuperproc/base/ids.hpp"

namespace sp::spctl {

// `pools`: descriptors of all nodes' pools.
void fence(NodeId dead, const std::vector<int>& pools);

} // namespace sp::spctl
