// SPDX-License-Identifier: Apache-2.0
// Who the process is: home's number, parent, group and session, in every thread.
#include "libsuperproc/process/process_table.hpp"
#include "libsuperproc/syscalls/pass.hpp"

namespace sp {

long sys_getpid(Call&) { return control().identity.pid; }
long sys_getppid(Call& call) { return pass_home(call); }

namespace {
// A call whose first argument 0 means "me".
long pass_naming_home(const Call& call) {
  return call.number_arg(0) == 0 ? pass_with(call, 0, static_cast<uint64_t>(control().identity.pid)) : call.pass();
}
} // namespace

long sys_getpgid(Call& call) { return pass_naming_home(call); }
long sys_getsid(Call& call) { return pass_naming_home(call); }
long sys_getpgrp(Call&) { return app_call(SYS_getpgid, control().identity.pid); }

// Residents stay in home's group, so that terminals and job control treat them as one.
long sys_setpgid(Call& call) {
  const auto pid = call.number_arg(0);
  if (pid != 0 && pid != control().identity.pid) return pass_home(call);
  const long home = control().identity.pid;
  const long group = call.number_arg(1) == 0 ? home : call.number_arg(1);
  const long result = at_home() ? app_call(SYS_setpgid, home, group)
                                : ask(home_node(), Operation::kernel_call, SYS_setpgid, home, group);
  if (result == 0)
    for (uint32_t n = 0; n < node_count(); ++n)
      if (NodeId{n} != home_node()) ask(NodeId{n}, Operation::kernel_call, SYS_setpgid, 0, group);
  return result;
}

long sys_setsid(Call& call) { return pass_home(call); }

// libc makes every thread of the program call these; the agents, whose children future threads are, follow.
namespace {
long change_user(const Call& call) {
  const long result = pass_everywhere(call);
  if (result == 0 && is_shared()) process_table().user_changes.fetch_add(1);
  return result;
}
} // namespace

long sys_setuid(Call& call) { return change_user(call); }
long sys_setgid(Call& call) { return change_user(call); }
long sys_setreuid(Call& call) { return change_user(call); }
long sys_setregid(Call& call) { return change_user(call); }
long sys_setresuid(Call& call) { return change_user(call); }
long sys_setresgid(Call& call) { return change_user(call); }
long sys_setgroups(Call& call) { return change_user(call); }

} // namespace sp
