// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/come_home.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>

#include "libsuperproc/base/line.hpp"
#include "libsuperproc/base/path.hpp"
#include "vfd/body.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

// An open file of this node that the program shall keep: opened there again, at the same place. Only names can do that.
long take_file_home(uint64_t descriptor) {
  char name[4096];
  Path link;
  link << "/proc/self/fd/" << static_cast<long>(descriptor);
  const long bytes = sys::call(SYS_readlink, link.text(), name, sizeof name - 1);
  if (sys::failed(bytes) || name[0] != '/') return -EACCES;
  name[bytes] = 0;
  const long flags = sys::call(SYS_fcntl, descriptor, F_GETFL), at = sys::call(SYS_lseek, descriptor, 0, SEEK_CUR);
  vfd::Transfer transfer;
  const long opened =
      vfd::shadow_call_at(static_cast<long>(descriptor), SYS_open, transfer.put_text(name), flags, 0, 0, 0, 0);
  if (!sys::failed(opened) && at > 0) vfd::shadow_call(SYS_lseek, descriptor, at, SEEK_SET);
  return opened;
}

long take_files_home() {
  for (uint64_t n = 0; n < wire::kVfdCountMax; ++n) {
    if (vfd::is_remote(n)) continue;
    const long flags = sys::call(SYS_fcntl, n, F_GETFD);
    if (sys::failed(flags) || (flags & FD_CLOEXEC)) continue;
    if (const long result = take_file_home(n); sys::failed(result)) return result;
  }
  return 0;
}

[[noreturn]] void end_as(int status) {
  const int signal = status & 0x7f;
  if (signal) {
    const uint64_t fallback[4] = {}, one = 1ull << (signal - 1);
    sys::call(SYS_rt_sigaction, signal, fallback, nullptr, 8);
    sys::call(SYS_prctl, PR_SET_DUMPABLE, 0);
    sys::call(SYS_tgkill, sys::call(SYS_getpid), sys::call(SYS_gettid), signal);
    sys::call(SYS_rt_sigprocmask, SIG_UNBLOCK, &one, nullptr, sizeof one);
  }
  for (;;) sys::call(SYS_exit_group, status >> 8 & 0xff);
}

// For the parent, which is on this node: hands signals on to the program and ends like it.
[[noreturn]] void stand_for_program(wire::Moved& m, uint32_t record) {
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  const auto tell = [&](long signal) {
    return to_raw(
        ask_spd(vfd::membership.node, {m.shadow_node.load()}, self, wire::NodeOperation::signal_home, record, signal));
  };
  const uint64_t all = ~0ull;
  const timespec moment{0, 200'000'000};
  // The parent's shadow reports the end; without it, the program is seen to be gone twice.
  for (uint32_t missed = 0; m.state.load() != wire::MovedState::ended && missed < 2;) {
    const long signal = sys::call(SYS_rt_sigtimedwait, &all, nullptr, &moment, sizeof all);
    if (signal == SIGSYS) continue;
    missed = tell(signal > 0 ? signal : 0) == -ESRCH ? missed + 1 : 0;
  }
  const int status = m.state.load() == wire::MovedState::ended ? m.wait_status.load() : SIGKILL;
  wire::cluster().nodes[vfd::membership.node.value].body_count.fetch_sub(1);
  release(m);
  end_as(status);
}

// The answer comes only if it failed. Otherwise the record is given back, and this process has no further part in it; or
// its parent is here, and it stays.
long ask_to_come_home(uint32_t record) {
  constexpr int64_t kLookNs = 2'000'000;
  wire::Moved& m = wire::moved(record);
  const uint32_t use = m.use.load();
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  const Result<Ring> ring = Ring::open(moved_ring_memory(record), kMovedRingBytes);
  const Result<EventChannel> bell = EventChannel::open(moved_bell_line(record));
  if (!ring || !bell) return -EIO;
  NodeLink link(*ring, *bell, WaitPolicy{});
  const Result<Ticket> ticket = link.start({static_cast<uint32_t>(wire::ShadowOperation::come_home), 0, 0, {}}, self);
  if (!ticket) return -ticket.error().value;
  const auto is_there = [&] { return m.state.load() <= wire::MovedState::settled && m.use.load() == use; };
  while (is_there()) // a fork's child may have no shadow yet
    if (const Result<int64_t> failed = link.ring().wait(*ticket, {WaitPolicy{}, wire::kCpuUnknown, kLookNs}))
      return *failed;
  if (m.use.load() == use && m.departure.stays) stand_for_program(m, record);
  wire::cluster().nodes[vfd::membership.node.value].body_count.fetch_sub(1);
  for (;;) sys::call(SYS_exit_group, 0);
}

} // namespace

long come_home(const Departing& program) {
  const uint32_t record = vfd::own_record();
  long failed = take_files_home();
  if (!failed && !describe(record, program, nullptr)) failed = -E2BIG;
  const uint64_t all = ~0ull;
  uint64_t before = 0;
  wire::moved(record).departure.stays = sys::call(SYS_getppid) > 1; // else its parent is spd
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  if (!failed) failed = ask_to_come_home(record);
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  Line{} << "superproc: " << program.path << " must run on its first node and cannot go back there (errno " << -failed
         << "); start it where its files are";
  return failed;
}

} // namespace sp
