// SPDX-License-Identifier: Apache-2.0
// The signals that the program's signalfds show: 0 as long as it has made none.
#pragma once
#include <cstdint>

#include "libsuperproc/syscalls/call.hpp"

namespace sp {
uint64_t watched_signals();
// poll, select and epoll_wait, which signalfds may end.
long wait_for_readiness(Call& call);
} // namespace sp
