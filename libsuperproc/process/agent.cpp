// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/agent.hpp"

#include <csignal>
#include <linux/sched.h>
#include <sys/prctl.h>

#include "libsuperproc/cluster/credentials.hpp"
#include "libsuperproc/cluster/thread_signal.hpp"
#include "libsuperproc/memory/file_elsewhere.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/process/cpu_timers.hpp"
#include "libsuperproc/process/ending.hpp"
#include "libsuperproc/process/observer.hpp"
#include "libsuperproc/process/placement.hpp"
#include "libsuperproc/process/process_table.hpp"
#include "libsuperproc/process/proxy.hpp"
#include "libsuperproc/process/residents.hpp"
#include "libsuperproc/process/service_thread.hpp"
#include "libsuperproc/process/stand_in.hpp"
#include "libsuperproc/signal/actions.hpp"

namespace sp {

namespace {

// Without an answer: it will be given by another thread, or nobody waits.
struct Outcome {
  bool answered;
  long result;
};
constexpr Outcome now(long result) { return {true, result}; }
constexpr Outcome later() { return {false, 0}; }

// Whoever changes its user or group loses this again: prctl(2).
void die_with_home() { sys::call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL); }

Outcome perform(NodeId self, const Received& received) {
  const auto& request = received.taken.request;
  const auto& a = request.arguments;
  switch (static_cast<Operation>(request.operation)) {
    case Operation::clone_thread: return now(sp_clone_call(a[1], a[0], a[2], a[3], a[4]));
    case Operation::kernel_call: {
      const long result = sys::call(static_cast<long>(a[0]), a[1], a[2], a[3], a[4], a[5], a[6]);
      if (is_rights_call(static_cast<long>(a[0])) && self != home_node()) die_with_home();
      return now(result);
    }
    case Operation::map_segment:
      return now(memory::map_descriptor(a[0], a[1], static_cast<int>(a[2]), static_cast<long>(a[3])));
    case Operation::cpu_time: return now(resident_cpu_time_ns(a[0]));
    case Operation::signal_thread: return now(send_as_asked(a));
    case Operation::map_file: return now(memory::map_elsewhere(*pointer_to<const memory::FileElsewhere>(a[0])));
    case Operation::signal_action:
      return now(install_action(static_cast<int>(a[0]), *pointer_to<const KernelAction>(a[1])));
    case Operation::proxied_call: return start_proxy(self, received) ? later() : now(-EAGAIN);
    case Operation::start_stand_in: return now(start_stand_in(*pointer_to<StandIn>(a[0])) ? 0 : -EAGAIN);
    case Operation::watch_cpu_time: return now(start_cpu_watch());
    case Operation::exit_group: end_subprocess(static_cast<int>(a[0]));
    case Operation::die: end_subprocess_by_signal(static_cast<int>(a[0]));
    case Operation::none:
    case Operation::count: break;
  }
  return now(-ENOSYS);
}

[[noreturn]] void serve(NodeId self) {
  for (;;) {
    const Received received = receive(self);
    const Outcome outcome = perform(self, received);
    if (outcome.answered) answer(self, received, outcome.result);
  }
}

void announce(NodeId node) {
  wire::NodeRecord& record = node_record(node);
  record.host_pid.store(static_cast<int32_t>(sys::call(SYS_getpid)));
  record.agent_tid.store(static_cast<int32_t>(sys::call(SYS_gettid)));
  record.state.store(wire::NodeState::running);
  auto& ready = process_table().residents_ready;
  ready.fetch_add(1);
  NodeBell::wake(reinterpret_cast<const volatile uint32_t*>(&ready), 1);
}

// The place where a resident comes into being. It has the parent's mappings: segments shared, the rest alike; its node's
// own region is a copy. It dies with the agent that made it, however that ends.
void make_resident(NodeId node) {
  const long parent = sys::call(SYS_getpid);
  const long pid = sys::call(SYS_clone, CLONE_FILES | CLONE_FS | CLONE_IO | CLONE_SYSVSEM, 0, 0, 0, 0);
  if (pid < 0) end_subprocess(125);
  if (pid > 0) return;
  die_with_home();
  if (sys::call(SYS_getppid) != parent) sys::call(SYS_exit_group, 125);
  node_private().node = node.value;
  node_private().host_pid = static_cast<int32_t>(sys::call(SYS_getpid));
  stay_on(node);
  announce(node);
  if (node.value == (home_node().value + 1) % node_count()) start_observer();
  serve(node);
}

void serve_isolated(NodeId self) {
  stay_on(self);
  announce(self);
  serve(self);
}

void home_agent(void*) {
  stay_on(home_node());
  if (!is_isolated())
    for_other_nodes(make_resident);
  else if (!make_isolated_residents())
    end_subprocess(125);
  announce(home_node());
  serve(home_node());
}

} // namespace

Result<> start_home_agent() {
  process_table().residents_ready.store(0);
  become_agent = serve_isolated;
  TRY_VOID(start_service_thread(wire::kNodeAgent, Descriptors::shared, home_agent, nullptr));
  return {};
}

void await_residents() {
  auto& ready = process_table().residents_ready;
  constexpr int64_t kLookAgainNs = 50'000'000;
  for (uint32_t n; (n = ready.load()) < node_count();) {
    NodeBell::sleep(reinterpret_cast<const volatile uint32_t*>(&ready), n, kLookAgainNs);
    if (is_isolated() && any_resident_failed()) end_subprocess(125);
  }
}

} // namespace sp
