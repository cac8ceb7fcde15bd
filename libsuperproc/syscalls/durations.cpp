// SPDX-License-Identifier: Apache-2.0
// Calls that wait for a duration, in a converted process: they end in time however often a fork stops them (base/time_limit.hpp).
#include <ctime>

#include "libsuperproc/base/time_limit.hpp"
#include "libsuperproc/syscalls/call.hpp"
#include "libsuperproc/syscalls/pass.hpp"
#include "libsuperproc/syscalls/pointers.hpp"
#include "libsuperproc/syscalls/signal_descriptors.hpp"

namespace sp {

namespace {

long pass_with_duration(const Call& call, int index) {
  if (!may_quickly_read(call, index, sizeof(timespec))) return call.pass();
  const TimeLimit limit(call.number(), call.pointer<const timespec>(index));
  return call.arg(index) ? pass_with(call, index, address_of(&limit.left)) : call.pass();
}

} // namespace

long sys_nanosleep(Call& call) { return pass_with_duration(call, 0); }

// Until a moment it is for the kernel alone, and so is the time that somebody has computed.
long sys_clock_nanosleep(Call& call) {
  constexpr int kOfEverybody = 1 << CLOCK_REALTIME | 1 << CLOCK_MONOTONIC | 1 << CLOCK_BOOTTIME | 1 << CLOCK_TAI;
  const uint64_t clock = call.arg(0);
  const bool counted = clock < 32 && (kOfEverybody >> clock & 1) && call.arg(1) == 0;
  return counted ? pass_with_duration(call, 2) : call.pass();
}

long sys_semtimedop(Call& call) { return pass_with_duration(call, 3); }

long sys_poll(Call& call) {
  const TimeLimit limit(call.number(), int64_t{call.number_arg(2)});
  return wait_for_readiness(call);
}

long sys_epoll_wait(Call& call) {
  const TimeLimit limit(call.number(), int64_t{call.number_arg(3)});
  return wait_for_readiness(call);
}

} // namespace sp
