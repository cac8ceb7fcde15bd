// SPDX-License-Identifier: Apache-2.0
// signalfd. The kernel shows through it what is pending for the reading thread and for its process, which on another node
// than home is the resident. So a thread there that reads such a descriptor, or waits in poll or select, accepts the
// descriptors' signals meanwhile (signal/routing.hpp): what waits at home is forwarded to it. Reading and polling are
// watched only in a program that has made a signalfd.
#include <cerrno>
#include <sys/signalfd.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/signal/routing.hpp"
#include "libsuperproc/syscalls/dispatch.hpp"
#include "libsuperproc/syscalls/pass.hpp"
#include "libsuperproc/syscalls/signal_descriptors.hpp"

namespace sp {

namespace {

struct SignalDescriptor {
  std::atomic<int32_t> number; // fd + 1, 0: free
  std::atomic<uint64_t> signals;
};
constexpr uint32_t kCount = 16; // more than a program has; the oldest is forgotten
constinit SignalDescriptor descriptors[kCount] = {};
constinit std::atomic<uint64_t> all_signals{0}; // of every descriptor that ever was

SignalDescriptor* find(int fd) {
  for (SignalDescriptor& d : descriptors)
    if (d.number.load(std::memory_order_relaxed) == fd + 1) return &d;
  return nullptr;
}

// The number may have been closed and given away since.
bool is_signalfd(int fd) {
  static constexpr char kName[] = "anon_inode:[signalfd]";
  char link[64];
  const long bytes = sys::call(SYS_readlink, (Path() << "/proc/self/fd/" << fd).text(), link, sizeof link);
  if (bytes != sizeof kName - 1) return false;
  for (long i = 0; i < bytes; ++i)
    if (link[i] != kName[i]) return false;
  return true;
}

bool is_resident(uint32_t pid) {
  for (uint32_t n = 0; n < node_count(); ++n)
    if (static_cast<int32_t>(pid) == control().nodes[n].host_pid.load()) return true;
  return false;
}

void restore(signalfd_siginfo& info) {
  if (info.ssi_code == kForwarded) {
    info.ssi_code = info.ssi_errno;
    info.ssi_errno = 0;
    if (info.ssi_signo == SIGCHLD) info.ssi_status = info.ssi_int, info.ssi_int = 0, info.ssi_ptr = 0;
  }
  if (info.ssi_code <= 0 && is_resident(info.ssi_pid)) info.ssi_pid = static_cast<uint32_t>(control().identity.pid);
}

long read_signals(Call& call) {
  const SignalDescriptor* descriptor = is_shared() ? find(call.number_arg(0)) : nullptr;
  if (!descriptor || !is_signalfd(call.number_arg(0))) return call.pass();
  const Accepting accepting(is_routed() ? accepted_now() | descriptor->signals.load() : 0);
  settle(); // a read that does not wait finds what was sent before it
  const long bytes = call.pass();
  auto* infos = call.pointer<signalfd_siginfo>(1);
  for (long i = 0; !sys::failed(bytes) && i < bytes / static_cast<long>(sizeof *infos); ++i) restore(infos[i]);
  return bytes;
}

long wait_for_readiness(Call& call) {
  if (!is_shared()) return call.pass();
  const Accepting accepting(is_routed() ? accepted_now() | watched_signals() : 0);
  settle();
  return call.pass();
}

void remember(int fd, uint64_t signals) {
  static constinit std::atomic<uint32_t> next{0};
  SignalDescriptor* place = find(fd);
  if (!place) place = &descriptors[next.fetch_add(1) % kCount];
  place->signals.store(signals);
  place->number.store(fd + 1);
  all_signals.fetch_or(signals);
  watch(SYS_read, read_signals);
  for (uint32_t number : {SYS_poll, SYS_select, SYS_epoll_wait}) watch(number, wait_for_readiness);
}

} // namespace

uint64_t watched_signals() { return all_signals.load(std::memory_order_relaxed); }

long sys_signalfd4(Call& call) {
  const long fd = call.pass();
  if (!sys::failed(fd)) remember(static_cast<int>(fd), *call.pointer<const uint64_t>(1));
  return fd;
}
long sys_signalfd(Call& call) { return sys_signalfd4(call); }

} // namespace sp
