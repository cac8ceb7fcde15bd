// SPDX-License-Identifier: Apache-2.0
#include "spd/agent.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

#include "gnttab-shm/node_queue.hpp"
#include "libsuperproc/cluster/node_mesh.hpp"
#include "spd/bodies.hpp"
#include "spd/inquiries.hpp"
#include "spd/parked.hpp"
#include "spd/pipe_rings.hpp"
#include "spd/report.hpp"
#include "spd/segment.hpp"
#include "spd/forsaken.hpp"
#include "spd/segments.hpp"
#include "spd/spaces.hpp"
#include "spd/supervisor.hpp"
#include "spd/waiters.hpp"
#include "spd/watch.hpp"
#include "vpid/numbers.hpp"

namespace sp::spd {

namespace {

using wire::NodeOperation;

// ---- numbers for those who may not choose them (clone3 with set_tid wants a privilege) ----

int32_t last_own_pid = 0; // 0: none is lent

long lend_pid(int32_t pid) {
  if (!is_leased(pid)) return -EINVAL;
  if (last_own_pid == 0) last_own_pid = vpid::last_pid();
  return vpid::set_next_pid(pid) ? 0 : -EPERM;
}

long take_pids_back() {
  if (last_own_pid != 0) vpid::set_next_pid(last_own_pid + 1);
  last_own_pid = 0;
  return 0;
}

// A body and its shadow have one number, each on its own node.
bool body_is_here(NodeId self, uint32_t record) { return wire::moved(record).body_node.load() == self.value; }
bool shadow_is_here(NodeId self, uint32_t record) { return wire::moved(record).shadow_node.load() == self.value; }

long send_poke(pid_t pid, pid_t tid) {
  siginfo_t info{};
  info.si_signo = SIGSYS;
  info.si_code = SI_QUEUE;
  info.si_value.sival_ptr = reinterpret_cast<void*>(wire::kPokeMark);
  return syscall(SYS_rt_tgsigqueueinfo, pid, tid, SIGSYS, &info) == 0 ? 0 : -errno;
}

long poke_all(pid_t pid) {
  std::error_code ended;
  const std::string threads = "/proc/" + std::to_string(pid) + "/task";
  for (std::filesystem::directory_iterator it(threads, ended), end; !ended && it != end; it.increment(ended))
    (void)send_poke(pid, std::atoi(it->path().filename().c_str()));
  return 0;
}

// False: its body is between two programs, and knows that it has missed one.
bool may_be_poked(std::atomic<uint32_t>& pokes) {
  for (uint32_t seen = pokes.load();;) {
    const bool barred = seen & wire::kPokesBarred;
    if (pokes.compare_exchange_weak(seen, seen | (barred ? wire::kPokeMissed : wire::kPokeIsSent))) return !barred;
  }
}

long poke_body(NodeId self, uint32_t record, uint64_t thread) {
  wire::Moved& m = wire::moved(record);
  const pid_t pid = m.pid.load();
  const auto tid = static_cast<pid_t>(thread);
  if (!body_is_here(self, record) || thread > INT32_MAX || !is_leased(pid) || (tid && !is_leased(tid))) return -EINVAL;
  if (!may_be_poked(m.pokes)) return 0;
  const long result = tid ? send_poke(pid, tid) : poke_all(pid);
  m.pokes.fetch_and(~wire::kPokeIsSent);
  return result;
}

// The number comes from shared memory: never a group, everybody, or spd itself.
long signal_process(pid_t pid, uint64_t signal) {
  if (!is_leased(pid) || signal > 64) return -EINVAL;
  return kill(pid, static_cast<int>(signal)) == 0 ? 0 : -errno;
}

// ... with what its sender has said; only what a program can say.
long queue_signal(pid_t pid, int signal, const uint64_t (&said)[4]) {
  siginfo_t info{};
  info.si_signo = signal, info.si_code = static_cast<int>(said[0]);
  info.si_pid = static_cast<pid_t>(said[1]), info.si_uid = static_cast<uid_t>(said[2]);
  info.si_value.sival_ptr = reinterpret_cast<void*>(said[3]);
  return syscall(SYS_rt_sigqueueinfo, pid, signal, &info) == 0 ? 0 : -errno;
}

long signal_body(NodeId self, uint32_t record, const uint64_t (&a)[8]) {
  const pid_t pid = wire::moved(record).pid.load();
  if (!body_is_here(self, record)) return -EINVAL;
  const int code = static_cast<int>(a[2]);
  if ((code != SI_QUEUE && code != SI_MESGQ) || !is_leased(pid) || a[1] > 64) return signal_process(pid, a[1]);
  return queue_signal(pid, static_cast<int>(a[1]), {a[2], a[3], a[4], a[5]});
}

long notify_twin(NodeId self, uint32_t record, uint64_t descriptor) {
  const pid_t pid = wire::moved(record).pid.load();
  if (!body_is_here(self, record) || !is_leased(pid)) return -EINVAL;
  const int queue = take_from(pid, descriptor);
  if (queue < 0) return queue;
  const timespec past{};
  const long sent = syscall(SYS_mq_timedsend, queue, "", 1, 0, &past);
  const int error = errno;
  close(queue);
  return sent == 0 ? 0 : -error;
}

long signal_home(NodeId self, uint32_t record, uint64_t signal) {
  return shadow_is_here(self, record) ? signal_process(wire::moved(record).shadow_pid.load(), signal) : -EINVAL;
}

long supervise_body(NodeId self, uint32_t record, uint64_t tid, uint64_t listener) {
  wire::Moved& m = wire::moved(record);
  if (!body_is_here(self, record) || tid > INT32_MAX || listener > INT32_MAX) return -EINVAL;
  const auto pid = static_cast<pid_t>(tid);
  if (!is_leased(pid)) return -EINVAL;
  const long failed = supervise(self, pid, static_cast<int>(listener));
  if (!failed) m.supervised.store(1);
  return failed;
}

NodeQueue open_queue(NodeId self) {
  const auto bell = EventChannel::open(node_bell_line(self));
  if (!bell) give_up(125, "the memory of the cluster was overwritten", EPROTO);
  NodeQueue queue(self, *bell, static_cast<uint32_t>(NodeOperation::count));
  for (uint32_t source = 0; source < node_count(); ++source)
    if (const auto ring = Ring::open(node_ring_memory({source}, self), kNodeRingStride))
      (void)queue.attach({source}, *ring);
  return queue;
}

} // namespace

long perform(NodeId self, const Request& request) {
  const uint64_t record = request.arguments[0], signal = request.arguments[1];
  switch (static_cast<NodeOperation>(request.operation)) { // those that are about no record
    case NodeOperation::hold_space: return hold_space(self, record, static_cast<pid_t>(signal));
    case NodeOperation::let_go_space: return let_go_space(self, record, static_cast<pid_t>(signal));
    case NodeOperation::let_go_all:
      return let_go_spaces(self, static_cast<pid_t>(record)), let_go_segments(static_cast<pid_t>(record)), 0;
    case NodeOperation::park: return park(static_cast<pid_t>(record), signal);
    case NodeOperation::drop_parked: return drop_parked(record);
    case NodeOperation::hand_over:
      return hand_over(static_cast<pid_t>(record), signal, request.arguments[2], request.arguments[3] != 0);
    case NodeOperation::watch_token:
      return watch_token(static_cast<pid_t>(record), signal, request.arguments[2], request.arguments[3]);
    case NodeOperation::place_segment: return serve_segment(self, record, signal, request.arguments[2]);
    case NodeOperation::sweep_segments: return sweep_segments(self), 0;
    case NodeOperation::call_about: return answer_inquiry(record);
    case NodeOperation::start_resident:
      return start_resident(self, record, signal, static_cast<pid_t>(request.arguments[2]));
    case NodeOperation::watch_waiter: return watch_waiter(self, static_cast<pid_t>(record));
    default: break;
  }
  if (record >= wire::moved_count()) return -EINVAL;
  const auto index = static_cast<uint32_t>(record);
  switch (static_cast<NodeOperation>(request.operation)) {
    case NodeOperation::start_body: return start_body(self, index);
    case NodeOperation::restore_body: return restore_body(self, index);
    case NodeOperation::watch_body: return body_is_here(self, index) ? watch(Watched::body, index) : -EINVAL;
    case NodeOperation::watch_shadow:
      return shadow_is_here(self, index) ? watch(Watched::shadow, index, request.arguments[1] == 1) : -EINVAL;
    case NodeOperation::signal_body: return signal_body(self, index, request.arguments);
    case NodeOperation::stop_body: return body_is_here(self, index) ? stop_body(index) : -EINVAL;
    case NodeOperation::notify_twin: return notify_twin(self, index, signal);
    case NodeOperation::signal_first: return signal > 64 ? -EINVAL : signal_first_program(static_cast<int>(signal));
    case NodeOperation::next_pid: return shadow_is_here(self, index) ? lend_pid(wire::moved(index).pid.load()) : -EINVAL;
    case NodeOperation::old_pids: return take_pids_back();
    case NodeOperation::signal_home: return signal_home(self, index, signal);
    case NodeOperation::poke_body: return poke_body(self, index, signal);
    case NodeOperation::join_pipe: return join_pipe(self, index, signal, request.arguments[2] == 1);
    case NodeOperation::fill_pipe:
      return fill_pipe(self, index, signal, {static_cast<uint32_t>(request.arguments[2])});
    case NodeOperation::leave_pipe:
      return leave_pipe(self, index, signal, {static_cast<uint32_t>(request.arguments[2])});
    case NodeOperation::supervise: return supervise_body(self, index, request.arguments[1], request.arguments[2]);
    default: break;
  }
  return -ENOSYS;
}

void serve(NodeId self) {
  NodeQueue queue = open_queue(self);
  std::atomic<wire::SpdState>& state = wire::cluster().nodes[self.value].state;
  state.store(wire::SpdState::running);
  NodeBell::wake(reinterpret_cast<const volatile uint32_t*>(&state), 1);
  static Forsaken forsaken(self);
  vpid::LeaseWatch numbers(lease_of(self).first, lease_of(self).end);
  for (;;) {
    if (!queue.wait(WaitPolicy{}, numbers.interval_ns())) numbers.look(), forsaken.look(), sweep_segments(self);
    while (const auto delivery = queue.take())
      queue.complete(*delivery, perform(self, delivery->taken.request));
  }
}

} // namespace sp::spd
