// SPDX-License-Identifier: Apache-2.0
// sendmsg and recvmsg in a shadow: their header and list of pieces lie in shared memory and point to more, so they are
// copied before they are judged, and the kernel is given the copy.
#pragma once
#include "spd/performers.hpp"

namespace sp::spd {
long perform_message(const CallWords& call);
}
