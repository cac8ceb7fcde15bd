// SPDX-License-Identifier: Apache-2.0
// Watches processes of this node that are not spd's children: shadows, and bodies that a fork began here.
#pragma once
#include <cstdint>
#include <sys/types.h>

#include "libsuperproc/base/ids.hpp"

namespace sp::spd {

enum class Watched : uint32_t { body, shadow, token };

// 0 or -errno. The number is the record's. That it is gone is an error, or news as its end would have been.
long watch(Watched what, uint32_t record, bool may_be_gone = false);

// One end of a token is the process's descriptor; 0 or -errno.
long watch_token(pid_t pid, uint64_t descriptor, uint64_t node, uint64_t parked);

// Never returns.
[[noreturn]] void watch_all(NodeId self);

} // namespace sp::spd
