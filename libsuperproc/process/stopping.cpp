// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/stopping.hpp"

#include <csignal>
#include <cstddef>
#include <sys/uio.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/signal/delivery.hpp"

namespace sp {

namespace {

struct Residents {
  uint64_t magic;
  int32_t pids[kNodeCountMax];
};

// From the other's control segment, which lies where ours does.
Residents residents_of(int32_t pid) {
  Residents found{};
  iovec local[kNodeCountMax + 1], remote[kNodeCountMax + 1];
  local[0] = {&found.magic, sizeof found.magic};
  remote[0] = {&control().magic, sizeof found.magic};
  for (uint32_t n = 0; n < kNodeCountMax; ++n) {
    local[n + 1] = {&found.pids[n], sizeof(int32_t)};
    remote[n + 1] = {&control().nodes[n].host_pid, sizeof(int32_t)};
  }
  const long bytes = sys::call(SYS_process_vm_readv, pid, local, kNodeCountMax + 1, remote, kNodeCountMax + 1, 0);
  if (bytes != static_cast<long>(sizeof found.magic + sizeof found.pids) || found.magic != wire::kControlMagic) return {};
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
  const Residents residents = residents_of(own ? node_private().host_pid : pid);
  const int32_t ourselves = node_private().host_pid;
  for (int32_t process : residents.pids)
    if (process > 1 && process != pid && process != ourselves) send_copy(process, signal);
  for (int32_t process : residents.pids)
    if (process > 1 && process != pid && process == ourselves) send_copy(process, signal);
}

} // namespace sp
