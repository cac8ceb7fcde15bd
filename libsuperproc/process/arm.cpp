// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/arm.hpp"

#include "libsuperproc/base/gate.hpp"

namespace sp {

namespace {
// The kernel reads it at each call made outside the gate; it never changes.
volatile uint8_t always_block = 1;
constexpr int kSetSyscallUserDispatch = 59, kOn = 1;
} // namespace

bool arm_this_thread() {
  return sys::call(SYS_prctl, kSetSyscallUserDispatch, kOn, sp_gate_start, sp_gate_end - sp_gate_start,
                   &always_block) == 0;
}

} // namespace sp
