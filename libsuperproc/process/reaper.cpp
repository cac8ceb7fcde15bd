// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/reaper.hpp"

#include <csignal>
#include <poll.h>
#include <sys/wait.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/memory/copy_in.hpp"
#include "libsuperproc/memory/memory_table.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/process/ending.hpp"
#include "libsuperproc/process/process_table.hpp"
#include "libsuperproc/process/service_thread.hpp"

namespace sp {

namespace {

// In the node's own region: the control segment is mapped anew while this is slept on.
enum Stage : uint32_t { kStarted = 0, kConverted = 1, kFailed = 2, kWatching = 3 };
volatile uint32_t* stage() { return pointer_to<volatile uint32_t>(wire::kNodeBase + 2048); }

void set_stage(Stage value) {
  __atomic_store_n(stage(), value, __ATOMIC_RELEASE);
  sys::futex_wake(stage(), 2);
}
void await_stage_after(Stage value) {
  while (__atomic_load_n(stage(), __ATOMIC_ACQUIRE) == value) sys::futex_wait(stage(), value);
}

// Ends with the first resident's death.
void wait_for_a_death() {
  pollfd watched[kNodeCountMax];
  int32_t pids[kNodeCountMax];
  uint32_t count = 0;
  for_other_nodes([&](NodeId node) {
    pids[count] = node_record(node).host_pid.load();
    const long fd = sys::call(SYS_pidfd_open, pids[count], 0);
    if (fd < 0) return;
    watched[count++] = {static_cast<int>(fd), POLLIN, 0};
  });
  for (;;) {
    sys::call(SYS_poll, watched, count, -1);
    for (uint32_t i = 0; i < count; ++i) {
      if (!(watched[i].revents & POLLIN)) continue;
      int status = 0;
      const long reaped = sys::call(SYS_wait4, pids[i], &status, __WCLONE, 0);
      if (reaped == pids[i]) resident_died(status);
      watched[i].fd = -1; // whoever ends the SubProcess has reaped it
    }
  }
}

void reaper(void*) {
  sys::call(SYS_close_range, 0, ~0u, 0);
  Result<> done = memory::create_segments();
  if (done) done = memory::convert_address_space();
  memory::memory_table().home_pid = control().identity.pid;
  memory::memory_table().reaper_tid = static_cast<int32_t>(sys::call(SYS_gettid));
  set_stage(done ? kConverted : kFailed);
  await_stage_after(kConverted);
  wait_for_a_death();
}

} // namespace

Result<> start_reaper() {
  *stage() = kStarted;
  TRY_VOID(start_service_thread(wire::kNodeReaper, Descriptors::own, reaper, nullptr));
  return {};
}

bool await_conversion() {
  await_stage_after(kStarted);
  return *stage() == kConverted;
}

void watch_residents() { set_stage(kWatching); }

} // namespace sp
