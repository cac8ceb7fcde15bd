// SPDX-License-Identifier: Apache-2.0
// Compiles every member of the templates once, freestanding too, so that a mistake is found here and not in the shim.
#include "gnttab-shm/node_link.hpp"
#include "gnttab-shm/node_queue.hpp"

namespace sp {
template class BasicEventChannel<NodeBell>;
template class BasicRing<NodeBell>;
template class BasicNodeLink<NodeBell>;
template class BasicNodeQueue<NodeBell>;
} // namespace sp
