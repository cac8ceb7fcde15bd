// SPDX-License-Identifier: Apache-2.0
// A notified call as the shim's families take it.
#pragma once
#include "libsuperproc/syscalls/call.hpp"
#include "spd/notification.hpp"

namespace sp::spd {

struct AsCall {
  explicit AsCall(const Notification& n) {
    registers.rax = static_cast<uint64_t>(n.number());
    registers.rdi = n.arg(0), registers.rsi = n.arg(1), registers.rdx = n.arg(2);
    registers.r10 = n.arg(3), registers.r8 = n.arg(4), registers.r9 = n.arg(5);
  }
  Registers registers{};
  Call call{registers, nullptr};
};

} // namespace sp::spd
