// SPDX-License-Identifier: Apache-2.0
// Passing a call to the shadow by what its row says: memory that the kernel reads is copied there before, memory that it
// writes is copied back. Transfers that do not fit are done in parts where that means the same.
#pragma once
#include <cstdint>

#include "libsuperproc/syscalls/call.hpp"

namespace sp {

long call_by_shadow(long number, const uint64_t (&arguments)[6]);

inline long by_row(const Call& call) {
  return call_by_shadow(call.number(), {call.arg(0), call.arg(1), call.arg(2), call.arg(3), call.arg(4), call.arg(5)});
}

} // namespace sp
