// SPDX-License-Identifier: Apache-2.0
// Calls about processes of this node that those of others make (wire/inquiry.hpp). The kernel judges whether the caller may:
// a process of the caller's rights performs them, spd itself only if it has no more.
#pragma once
#include "libsuperproc/base/ids.hpp"

namespace sp::spd {

// 0: the call's result is in the inquiry; or -errno.
long answer_inquiry(uint64_t index);

} // namespace sp::spd
