// SPDX-License-Identifier: Apache-2.0
#include "spd/shadow_credentials.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <sys/syscall.h>

#include "libsuperproc/base/sys.hpp"

namespace sp::spd {

namespace {

std::mutex held;
wire::Credentials newest;
std::atomic<uint32_t> version{0};
thread_local uint32_t own_version = 0;

} // namespace

void have_credentials(const wire::Credentials& given) {
  const std::lock_guard<std::mutex> hold(held);
  newest = given;
  newest.group_count = std::min(newest.group_count, wire::kGroupCountMax);
  version.fetch_add(1);
}

// Groups first: who is an ordinary user may not change them. Before that what was root and may be again is: this thread
// may have slept while the body was, between one user and the next. What fails then was so before.
void take_on_credentials() {
  if (own_version == version.load(std::memory_order_relaxed)) return;
  const std::lock_guard<std::mutex> hold(held);
  own_version = version.load();
  sys::call(SYS_setresuid, -1, 0, -1);
  sys::call(SYS_setgroups, newest.group_count, newest.groups);
  sys::call(SYS_setresgid, newest.groups_own[0], newest.groups_own[1], newest.groups_own[2]);
  sys::call(SYS_setresuid, newest.users[0], newest.users[1], newest.users[2]);
}

} // namespace sp::spd
