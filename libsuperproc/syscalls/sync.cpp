// SPDX-License-Identifier: Apache-2.0
// Futexes. The kernel looks a private futex up by its address in one address space; ours are several, with the same pages
// below, so every futex is a shared one to the kernel.
#include <linux/futex.h>

#include "libsuperproc/syscalls/pass.hpp"

namespace sp {

namespace {
constexpr uint64_t kPrivate2 = 128; // FUTEX2_PRIVATE
}

long sys_futex(Call& call) { return pass_with(call, 1, call.arg(1) & ~uint64_t{FUTEX_PRIVATE_FLAG}); }
long sys_futex_wake(Call& call) { return pass_with(call, 3, call.arg(3) & ~kPrivate2); }
long sys_futex_wait(Call& call) { return pass_with(call, 3, call.arg(3) & ~kPrivate2); }

namespace {
constexpr uint32_t kWaitersMax = 128; // FUTEX_WAITV_MAX

struct Waiters {
  futex_waitv entries[kWaitersMax];
  Waiters(const futex_waitv* from, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      entries[i] = from[i];
      entries[i].flags &= ~static_cast<uint32_t>(kPrivate2);
    }
  }
};
} // namespace

long sys_futex_waitv(Call& call) {
  if (call.arg(1) == 0 || call.arg(1) > kWaitersMax || !call.arg(0)) return call.pass();
  const Waiters waiters(call.pointer<const futex_waitv>(0), call.arg(1));
  return pass_with(call, 0, address_of(waiters.entries));
}

long sys_futex_requeue(Call& call) {
  if (!call.arg(0)) return call.pass();
  const Waiters waiters(call.pointer<const futex_waitv>(0), 2);
  return pass_with(call, 0, address_of(waiters.entries));
}

} // namespace sp
