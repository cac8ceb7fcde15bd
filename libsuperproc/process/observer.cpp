// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/observer.hpp"

#include <csignal>
#include <ctime>
#include <fcntl.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/path.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/process_table.hpp"
#include "libsuperproc/process/service_thread.hpp"
#include "libsuperproc/process/stopping.hpp"

namespace sp {

namespace {

constexpr int64_t kOftenNs = 25'000'000, kSeldomNs = 800'000'000;
constexpr int64_t kIdleNs = 50'000; // what looking costs itself is less

void sleep_ns(int64_t ns) {
  const timespec pause{0, ns};
  sys::call(SYS_nanosleep, &pause, nullptr);
}

// CPU time of the threads on other nodes than home.
int64_t time_of_residents() {
  constexpr int kScheduled = 2; // CPUCLOCK_SCHED: clockid_t of a process, see clock_getcpuclockid(3)
  int64_t sum_ns = 0;
  for (uint32_t n = 0; n < node_count(); ++n) {
    const int32_t pid = node_record({n}).host_pid.load(std::memory_order_relaxed);
    timespec used{};
    if (NodeId{n} != home_node() && pid > 0) sys::call(SYS_clock_gettime, ~pid * 8 | kScheduled, &used);
    sum_ns += used.tv_sec * 1'000'000'000 + used.tv_nsec;
  }
  return sum_ns;
}

// /proc/PID/task/TID/stat of home's agent, which stops with all of home.
class HomeState {
public:
  HomeState() {
    Path path;
    path << "/proc/" << control().identity.pid << "/task/" << node_record(home_node()).agent_tid.load() << "/stat";
    fd_ = sys::call(SYS_openat, AT_FDCWD, path.text(), O_RDONLY | O_CLOEXEC);
  }
  bool is_stopped() const {
    char text[96] = {};
    if (sys::call(SYS_pread64, fd_, text, sizeof text - 2, 0) <= 0) return false;
    const char* state = text;
    for (const char* at = text; *at; ++at)
      if (*at == ')') state = at + 2;
    return *state == 'T';
  }

private:
  long fd_;
};

void stop_with_home() {
  const int32_t own = node_private().host_pid;
  for_other_nodes([&](NodeId node) {
    const int32_t pid = node_record(node).host_pid.load();
    if (node != home_node() && pid > 0) sys::call(SYS_kill, pid, SIGSTOP);
  });
  // To this thread, so that it stops before the call returns.
  sys::call(SYS_tgkill, own, sys::call(SYS_gettid), SIGSTOP);
}

void observe(void*) {
  sys::call(SYS_close_range, 0, ~0u, 0);
  while (control().state.load() == wire::SubProcessState::converting) sleep_ns(kOftenNs);
  const HomeState home;
  std::atomic<uint32_t>& following = process_table().following;
  int64_t period_ns = kOftenNs, before_ns = 0;
  for (;;) {
    sleep_ns(period_ns);
    const int64_t now_ns = time_of_residents();
    period_ns = now_ns - before_ns > kIdleNs ? kOftenNs : period_ns * 2 < kSeldomNs ? period_ns * 2 : kSeldomNs;
    before_ns = now_ns;
    if (!home.is_stopped()) continue;
    following.store(1);
    if (home.is_stopped()) stop_with_home();
    following.store(0);
  }
}

} // namespace

void start_observer() {
  // The place that the reaper has at home.
  (void)start_service_thread(wire::kNodeReaper, Descriptors::own, observe, nullptr);
}

void home_was_continued() {
  constexpr int64_t kAgainNs = 1'000'000;
  do {
    send_to_other_residents(control().identity.pid, SIGCONT);
    if (process_table().following.load()) sleep_ns(kAgainNs);
  } while (process_table().following.load());
}

} // namespace sp
