// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/reaper.hpp"

#include <cerrno>
#include <csignal>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/memory/copy_in.hpp"
#include "libsuperproc/memory/memory_table.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/process/ending.hpp"
#include "libsuperproc/process/observer.hpp"
#include "libsuperproc/process/process_table.hpp"
#include "libsuperproc/process/residents.hpp"
#include "libsuperproc/process/service_thread.hpp"

namespace sp {

namespace {

// In the node's own region: the control segment is mapped anew while this is slept on.
enum Stage : uint32_t { kStarted = 0, kConverted = 1, kFailed = 2, kWatching = 3 };
volatile uint32_t* stage() { return pointer_to<volatile uint32_t>(wire::kNodeBase + 2048); }
int32_t& why_failed() { return *pointer_to<int32_t>(wire::kNodeBase + 2052); }

void set_stage(Stage value) {
  __atomic_store_n(stage(), value, __ATOMIC_RELEASE);
  sys::futex_wake(stage(), 2);
}
void await_stage_after(Stage value) {
  while (__atomic_load_n(stage(), __ATOMIC_ACQUIRE) == value) sys::futex_wait(stage(), value);
}

// Each resident's number comes when it has died.
long watch_for_deaths() {
  const long watch = sys::call(SYS_epoll_create1, EPOLL_CLOEXEC);
  for_other_nodes([&](NodeId node) {
    const int32_t pid = node_record(node).host_pid.load();
    const long fd = sys::call(SYS_pidfd_open, pid, 0);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLONESHOT;
    event.data.fd = pid;
    if (fd >= 0) sys::call(SYS_epoll_ctl, watch, EPOLL_CTL_ADD, fd, &event);
  });
  return watch;
}

// Ends with the first resident's death. All signals are blocked: what interrupts the wait is that home was stopped and goes
// on now, or a debugger that makes it look so.
[[noreturn]] void wait_for_a_death() {
  const long watch = watch_for_deaths();
  for (;;) {
    epoll_event event{};
    const long count = sys::call(SYS_epoll_wait, watch, &event, 1, -1);
    if (count == -EINTR) home_was_continued();
    if (count != 1) continue;
    int status = 0;
    // Else whoever ends the SubProcess has reaped it.
    if (sys::call(SYS_wait4, event.data.fd, &status, __WCLONE, 0) == event.data.fd) resident_died(status);
  }
}

void reaper(void*) {
  sys::call(SYS_close_range, 0, ~0u, 0);
  Result<> done = memory::create_segments();
  if (done) done = memory::convert_address_space();
  memory::memory_table().home_pid = control().identity.pid;
  memory::memory_table().reaper_tid = static_cast<int32_t>(sys::call(SYS_gettid));
  why_failed() = done ? 0 : done.error().value;
  set_stage(done ? kConverted : kFailed);
  await_stage_after(kConverted);
  if (!is_isolated()) wait_for_a_death();
  resident_died(await_isolated_death());
}

} // namespace

Result<> start_reaper() {
  *stage() = kStarted;
  TRY_VOID(start_service_thread(wire::kNodeReaper, Descriptors::own, reaper, nullptr));
  return {};
}

Result<> await_conversion() {
  await_stage_after(kStarted);
  return *stage() == kConverted ? Result<>() : fail(why_failed());
}

void watch_residents() { set_stage(kWatching); }

} // namespace sp
