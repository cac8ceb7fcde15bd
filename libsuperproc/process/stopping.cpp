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
  wire::SubProcessState state;
  int32_t home;
  int32_t pids[kNodeCountMax];
};
constexpr uint32_t kPieces = kNodeCountMax + 3;

// From the other's control segment, which lies where ours does. A child that fork has just made may still have its
// parent's: what it says counts only if it names the process itself.
Residents residents_of(int32_t pid) {
  Residents found{};
  iovec local[kPieces] = {
      {&found.magic, sizeof found.magic}, {&found.state, sizeof found.state}, {&found.home, sizeof found.home}};
  iovec remote[kPieces] = {{&control().magic, sizeof found.magic},
                           {&control().state, sizeof found.state},
                           {&control().identity.pid, sizeof found.home}};
  for (uint32_t n = 0; n < kNodeCountMax; ++n) {
    local[n + 3] = {&found.pids[n], sizeof(int32_t)};
    remote[n + 3] = {&control().nodes[n].host_pid, sizeof(int32_t)};
  }
  const long bytes = sys::call(SYS_process_vm_readv, pid, local, kPieces, remote, kPieces, 0);
  const bool whole = bytes == sizeof found.magic + sizeof found.state + sizeof found.home + sizeof found.pids;
  const bool converted = found.magic == wire::kControlMagic && found.state == wire::SubProcessState::shared;
  return whole && converted && found.home == pid ? found : Residents{};
}

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
