// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/stopping.hpp"

#include <csignal>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/other_subprocess.hpp"
#include "libsuperproc/signal/delivery.hpp"

namespace sp {

namespace {

Residents our_residents() {
  Residents found{};
  for (uint32_t n = 0; n < kNodeCountMax; ++n) found.pids[n] = control().nodes[n].host_pid.load();
  return found;
}

void send_copy(int32_t process, int signal) {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = kCopy;
  sys::call(SYS_rt_sigqueueinfo, process, signal, &info);
}

} // namespace

bool stops_or_continues(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU || signal == SIGCONT;
}

void send_to_other_residents(int32_t pid, int signal) {
  const bool own = pid == control().identity.pid;
  if (own && !is_shared()) return;
  const Residents residents = own ? our_residents() : residents_of(pid);
  const int32_t ourselves = node_private().host_pid;
  for (int32_t process : residents.pids)
    if (process > 1 && process != pid && process != ourselves) send_copy(process, signal);
  for (int32_t process : residents.pids)
    if (process > 1 && process != pid && process == ourselves) send_copy(process, signal);
}

} // namespace sp
