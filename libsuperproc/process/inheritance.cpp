// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/inheritance.hpp"

#include <sys/prctl.h>

#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/program_filters.hpp"

namespace sp {

namespace {

Scheduling scheduling_to_inherit() {
  constexpr uint64_t kResetOnFork = 1;
  Scheduling own = own_scheduling();
  if (own.flags & kResetOnFork) {
    own.flags &= ~kResetOnFork;
    own.policy = own.priority = 0;
    if (own.nice < 0) own.nice = 0;
  }
  return own;
}

} // namespace

Inheritance own_inheritance() {
  Inheritance own{};
  own.scheduling = scheduling_to_inherit();
  own.affinity_chosen = thread_self.record && (thread_self.record->flags.load() & wire::kThreadAffinitySet);
  if (own.affinity_chosen) sys::call(SYS_sched_getaffinity, 0, sizeof own.affinity, &own.affinity);
  own.no_new_privileges = sys::call(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  own.timer_slack_ns = static_cast<uint64_t>(sys::call(SYS_prctl, PR_GET_TIMERSLACK));
  own.filters = own_filters();
  sys::call(SYS_prctl, PR_GET_NAME, own.name);
  return own;
}

void take_on(const Inheritance& inheritance, uint64_t known_filters) {
  if (inheritance.affinity_chosen)
    sys::call(SYS_sched_setaffinity, 0, sizeof inheritance.affinity, &inheritance.affinity);
  schedule(inheritance.scheduling);
  sys::call(SYS_prctl, PR_SET_TIMERSLACK, inheritance.timer_slack_ns);
  if (inheritance.no_new_privileges) sys::call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  sys::call(SYS_prctl, PR_SET_NAME, inheritance.name);
  install_filters(inheritance.filters, known_filters);
}

} // namespace sp
