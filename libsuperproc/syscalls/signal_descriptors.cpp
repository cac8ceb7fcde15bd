// SPDX-License-Identifier: Apache-2.0
// signalfd. The kernel shows through it what is pending for the reading thread and for its process, which on another node
// than home is the resident. So a thread there that reads such a descriptor, or waits in poll or select, accepts the
// descriptors' signals meanwhile (signal/routing.hpp): notices make the descriptor readable, and what it reads is fetched
// from home. Reading and polling are watched only in a program that has made a signalfd.
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

// As the kernel's signalfd_copyinfo().
signalfd_siginfo described(const siginfo_t& info) {
  signalfd_siginfo out{};
  out.ssi_signo = static_cast<uint32_t>(info.si_signo);
  out.ssi_errno = info.si_errno;
  out.ssi_code = info.si_code;
  if (info.si_code == SI_TIMER) {
    out.ssi_tid = static_cast<uint32_t>(info.si_timerid);
    out.ssi_overrun = static_cast<uint32_t>(info.si_overrun);
  } else if (info.si_code > 0 && info.si_signo == SIGPOLL) {
    out.ssi_band = static_cast<uint32_t>(info.si_band);
    out.ssi_fd = info.si_fd;
    return out;
  } else {
    out.ssi_pid = static_cast<uint32_t>(info.si_pid);
    out.ssi_uid = info.si_uid;
  }
  if (info.si_signo == SIGCHLD && info.si_code > 0) {
    out.ssi_status = info.si_status;
    out.ssi_utime = static_cast<uint64_t>(info.si_utime);
    out.ssi_stime = static_cast<uint64_t>(info.si_stime);
  } else if (info.si_code < 0 && info.si_code != SI_TKILL) {
    out.ssi_int = info.si_int;
    out.ssi_ptr = address_of(info.si_ptr);
  }
  return out;
}

void name_sender(signalfd_siginfo& info) {
  if (info.ssi_code <= 0 && is_resident(info.ssi_pid)) info.ssi_pid = static_cast<uint32_t>(control().identity.pid);
}

bool is_notice(const signalfd_siginfo& info) {
  return info.ssi_code == kNotice || (info.ssi_code == SI_USER && info.ssi_pid == 0);
}

// Puts what was given notice of in the notices' places, and behind it what else there is. How many there are.
uint32_t fetch_behind_notices(signalfd_siginfo* infos, uint32_t count, uint32_t room, uint64_t signals) {
  uint32_t kept = 0;
  siginfo_t info{};
  for (uint32_t i = 0; i < count; ++i) {
    if (!is_notice(infos[i]))
      infos[kept++] = infos[i];
    else if (fetch_noticed(static_cast<int>(infos[i].ssi_signo), &info))
      infos[kept++] = described(info);
  }
  while (kept > 0 && kept < room && fetch(signals, &info) > 0) infos[kept++] = described(info);
  return kept;
}

long read_away(Call& call, uint64_t signals) {
  auto* infos = call.pointer<signalfd_siginfo>(1);
  const Accepting accepting(accepted_now() | signals);
  for (;;) {
    look_at_home(signals);
    const long bytes = call.pass();
    if (sys::failed(bytes)) return bytes;
    const auto count = static_cast<uint32_t>(bytes / static_cast<long>(sizeof *infos));
    const auto room = static_cast<uint32_t>(call.arg(2) / sizeof *infos);
    if (const uint32_t got = fetch_behind_notices(infos, count, room, signals)) return got * sizeof *infos;
  }
}

long read_signals(Call& call) {
  const SignalDescriptor* descriptor = is_shared() ? find(call.number_arg(0)) : nullptr;
  if (!descriptor || !is_signalfd(call.number_arg(0))) return call.pass();
  const long bytes = is_away() ? read_away(call, descriptor->signals.load()) : call.pass();
  auto* infos = call.pointer<signalfd_siginfo>(1);
  for (long i = 0; !sys::failed(bytes) && i < bytes / static_cast<long>(sizeof *infos); ++i) name_sender(infos[i]);
  return bytes;
}

void remember(int fd, uint64_t signals) {
  static constinit std::atomic<uint32_t> next{0};
  SignalDescriptor* place = find(fd);
  if (!place) place = &descriptors[next.fetch_add(1) % kCount];
  place->signals.store(signals);
  place->number.store(fd + 1);
  all_signals.fetch_or(signals);
  watch(SYS_read, read_signals);
  watch(SYS_select, wait_for_readiness); // poll and epoll_wait always do this
}

} // namespace

uint64_t watched_signals() { return all_signals.load(std::memory_order_relaxed); }

long wait_for_readiness(Call& call) {
  if (!is_away() || !watched_signals()) return call.pass();
  const Accepting accepting(accepted_now() | watched_signals());
  look_at_home(watched_signals());
  return call.pass();
}

long sys_signalfd4(Call& call) {
  const long fd = call.pass();
  if (!sys::failed(fd)) remember(static_cast<int>(fd), *call.pointer<const uint64_t>(1));
  return fd;
}
long sys_signalfd(Call& call) { return sys_signalfd4(call); }

} // namespace sp
