// SPDX-License-Identifier: Apache-2.0
// What threads of a converted process ask of pending signals: sigtimedwait and sigpending, on any node.
#pragma once
#include <csignal>
#include <cstdint>
#include <ctime>

namespace sp {

// Waits for one of `set`; info may be null, limit too (for ever). The signal or -errno.
long wait_for_signal(uint64_t set, siginfo_t* info, const timespec* limit);

// Pending for the calling thread or its process, and blocked by the thread.
uint64_t pending_signals();

} // namespace sp
