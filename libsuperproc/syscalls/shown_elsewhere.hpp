// SPDX-License-Identifier: Apache-2.0
// /proc/PID/stat, statm and status of a process that has moved: what home's kernel says of its shadow, which has its name and
// relatives, with the times, memory and threads that the kernel of its body's node tells. As a copy of the moment of open.
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"

namespace sp {

// Of open or openat. Nothing: it is about something else, or no more is known.
std::optional<long> open_about_moved(const Call& call);

} // namespace sp
