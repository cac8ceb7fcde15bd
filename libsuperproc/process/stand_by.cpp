// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/stand_by.hpp"

#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>

#include "libsuperproc/cluster/node_mesh.hpp"
#include "libsuperproc/cluster/pause.hpp"
#include "libsuperproc/process/unused_memory.hpp"
#include "libsuperproc/signal/actions.hpp"

namespace sp {

namespace {

constexpr int64_t kMomentNs = 2'000'000; // in which most children that only exit are done

void die_by(int signal) {
  const rlimit none{0, 0};
  const uint64_t one = 1ull << (signal - 1);
  sys::call(SYS_prlimit64, 0, RLIMIT_CORE, &none, nullptr); // the body had its core
  install_action(signal, KernelAction{});
  sys::call(SYS_tgkill, sys::call(SYS_getpid), sys::call(SYS_gettid), signal);
  sys::call(SYS_rt_sigprocmask, SIG_UNBLOCK, &one, nullptr, sizeof one);
}

// As its shadow would.
[[noreturn]] void end_as(wire::Moved& m) {
  const int status = m.wait_status.load();
  pause_at(wire::Step::shadow_ends);
  release(m);
  if (WIFSIGNALED(status) && WTERMSIG(status) <= kSignalCount) die_by(WTERMSIG(status));
  for (;;) sys::call(SYS_exit_group, WEXITSTATUS(status));
}

} // namespace

void stand_by(uint32_t record) {
  wire::Moved& m = wire::moved(record);
  const Result<Ring> ring = Ring::open(moved_ring_memory(record), kMovedRingBytes);
  const Result<EventChannel> bell = EventChannel::open(moved_bell_line(record));
  if (!ring || !bell) return;
  give_back_unused_memory();
  const auto has_ended = [&] { return m.state.load() == wire::MovedState::ended; };
  (void)bell->wait(
      WaitPolicy{}, [&] { return has_ended() || !ring->empty() || bell->local_rung(); }, kMomentNs);
  if (has_ended()) end_as(m);
}

} // namespace sp
