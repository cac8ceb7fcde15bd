// SPDX-License-Identifier: Apache-2.0
// Serves what processes of any node ask of this one (wire/cluster.hpp, NodeOperation).
#pragma once
#include "libsuperproc/base/ids.hpp"

namespace sp::spd {
[[noreturn]] void serve(NodeId self);
}
