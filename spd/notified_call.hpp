// SPDX-License-Identifier: Apache-2.0
// What becomes of a notified call: the kernel of this node performs it, or the shadow, or each its part. The counterpart of
// libsuperproc/syscalls/remote.hpp.
//
// A call that the kernel performs after all reads the program's memory again. Another thread of the program may have changed
// it meanwhile, and fools itself only: nothing is allowed here that would not be allowed anyway.
#pragma once
#include "libsuperproc/base/ids.hpp"
#include "spd/notification.hpp"

namespace sp::spd {

void perform_notified(NodeId self, Notification& call); // answers it

} // namespace sp::spd
