// SPDX-License-Identifier: Apache-2.0
#include "spd/notified_about.hpp"

#include "libsuperproc/syscalls/about_others.hpp"
#include "spd/as_call.hpp"
#include "spd/process_status.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::spd {

namespace {

// None, if it is not there any more.
void rights_of_caller(wire::Credentials& rights) {
  constexpr uint32_t kNobody = 65534;
  if (credentials_of(Notification::current()->tid(), rights)) return;
  rights = {};
  for (uint32_t* user : {&rights.users[0], &rights.users[1], &rights.users[2], &rights.file_user}) *user = kNobody;
}

long at_home(long number, uint64_t a, uint64_t b, uint64_t c) { return vfd::shadow_call(number, a, b, c); }

} // namespace

std::optional<long> about_others(NodeId self, pid_t process, const Notification& call) {
  const AsCall as(call);
  return ask_about(as.call, {self, process, call.tid(), false, rights_of_caller, at_home});
}

} // namespace sp::spd
