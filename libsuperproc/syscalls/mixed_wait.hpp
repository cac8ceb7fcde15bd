// SPDX-License-Identifier: Apache-2.0
// poll, select and epoll over descriptors of this node and of the shadow's at once.
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"

namespace sp {

// Nothing: no descriptor of the shadow's is among them.
std::optional<long> poll_both(const Call& call);
std::optional<long> select_both(const Call& call);
std::optional<long> epoll_wait_both(const Call& call); // also pwait, pwait2
std::optional<long> epoll_control_both(const Call& call);

} // namespace sp
