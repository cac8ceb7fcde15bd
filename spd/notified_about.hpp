// SPDX-License-Identifier: Apache-2.0
// Calls of a program without the shim about processes by their numbers (libsuperproc/syscalls/about_others.hpp).
#pragma once
#include <optional>

#include "libsuperproc/base/ids.hpp"
#include "spd/notification.hpp"

namespace sp::spd {

std::optional<long> about_others(NodeId self, pid_t process, const Notification& call);

} // namespace sp::spd
