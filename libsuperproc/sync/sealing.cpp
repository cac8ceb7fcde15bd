// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/sync/sealing.hpp"

#include <csignal>

#include "libsuperproc/base/all_blocked.hpp"
#include "libsuperproc/base/ensure.hpp"
#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/line.hpp"
#include "libsuperproc/sync/stop_world.hpp"

namespace sp {

namespace {

// The kernel reads it at each call made outside the gate; it never changes.
volatile uint8_t always_block = 1;
constexpr int kSetSyscallUserDispatch = 59, kOff = 0, kOn = 1;

} // namespace

bool arm_this_thread() {
  return sys::call(SYS_prctl, kSetSyscallUserDispatch, kOn, sp_gate_start, sp_gate_end - sp_gate_start,
                   &always_block) == 0;
}

void arm_unless_sealed() {
  if (!is_sealed()) ENSURE(arm_this_thread());
}

void seal() {
  control().dispatch.store(wire::Dispatch::sealed);
  sys::call(SYS_prctl, kSetSyscallUserDispatch, kOff, 0, 0, 0);
}

void note_reason(const char* call, const char* what) {
  char* reason = control().armed_because;
  constexpr uint32_t kBytes = sizeof wire::SubProcessControl::armed_because;
  uint32_t length = 0;
  if (reason[0]) return;
  for (const char* text : {call, ": ", what})
    for (; *text && length + 1 < kBytes; ++text) reason[length++] = *text;
  reason[length] = 0;
  if (control().options.flags & wire::kOptionTrace)
    Line{} << "superproc: process " << control().identity.pid << " traps system calls: " << reason;
}

void break_seal(const char* call, const char* what) {
  if (!is_sealed()) return;
  const AllBlocked blocked;
  {
    const WorldStopped stopped;
    note_reason(call, what);
    control().dispatch.store(wire::Dispatch::armed);
  }
  arm_unless_sealed();
}

} // namespace sp
