// SPDX-License-Identifier: Apache-2.0
// Serves what processes of any node ask of this one (wire/cluster.hpp, NodeOperation).
#pragma once
#include "gnttab-shm/slot.hpp"

namespace sp::spd {
[[noreturn]] void serve(NodeId self);
// One request, whatever it says. A result of 0 or more, or -errno.
long perform(NodeId self, const Request& request);
}
