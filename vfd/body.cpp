// SPDX-License-Identifier: Apache-2.0
#include "vfd/body.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "libsuperproc/base/line.hpp"
#include "libsuperproc/cluster/cluster_memory.hpp"
#include "libsuperproc/cluster/credentials.hpp"
#include "libsuperproc/cluster/pause.hpp"
#include "vfd/call_scope.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/shadow_call.hpp"
#include "vpid/lease.hpp"

namespace sp::vfd {

namespace {

bool write_line(const char* text, uint64_t bytes) {
  if (!is_body() || !is_remote(2)) return false;
  Transfer transfer;
  shadow_call(SYS_write, 2, transfer.put(text, bytes), bytes);
  return true;
}

bool map_segment() {
  if (map_cluster_of_keeper() != 0) return false;
  sys::call(SYS_madvise, wire::kClusterBase, wire::kClusterBytes, MADV_DONTDUMP); // a core is the program's
  const wire::ClusterHeader& c = wire::cluster();
  return c.magic == wire::kClusterMagic && c.version == wire::kClusterVersion && c.bytes == sizeof c &&
         c.node_count >= 1 && c.node_count <= kNodeCountMax;
}

// The decimal number that names this process's record, if it is right.
uint32_t record_named(const char* text) {
  uint32_t index = 0;
  if (!text || !*text) return kNoRecord;
  for (; *text >= '0' && *text <= '9' && index < wire::moved_count(); ++text)
    index = index * 10 + static_cast<uint32_t>(*text - '0');
  if (index >= wire::moved_count()) return kNoRecord;
  return wire::moved(index).pid.load() == sys::call(SYS_getpid) ? index : kNoRecord;
}

// A parent without the shim cannot name its child's record.
uint32_t record_of_self() {
  const auto pid = static_cast<int32_t>(sys::call(SYS_getpid));
  const uint32_t high = wire::cluster().moved_high.load();
  for (uint32_t i = 0; i < high && i < wire::kMovedCountMax; ++i) {
    const wire::Moved& m = wire::moved(i);
    if (m.pid.load() == pid && m.supervised.load() && m.state.load() == wire::MovedState::settled) return i;
  }
  return kNoRecord;
}

void tell_of_exec() {
  Transfer transfer;
  void* const name = transfer.take(sizeof record().departure.name);
  void* const arguments = transfer.take(wire::kArgumentsShownMax);
  sys::call(SYS_prctl, PR_GET_NAME, name);
  const long file = sys::call(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  const long bytes = sys::call(SYS_read, file, arguments, wire::kArgumentsShownMax);
  sys::call(SYS_close, file);
  auto* const rights = static_cast<wire::Credentials*>(transfer.take(sizeof(wire::Credentials)));
  read_credentials(*rights); // exec may have changed them
  ask_shadow(membership.record, wire::ShadowOperation::after_exec, name, arguments, bytes > 0 ? bytes : 0, rights);
}

void await_state(wire::Moved& m, wire::MovedState state) {
  while (m.state.load() == state) NodeBell::sleep(state_word(m), static_cast<uint32_t>(state));
}

} // namespace

bool attach(const char* moved) {
  membership.attached = map_segment();
  if (!in_cluster()) return moved == nullptr;
  write_line_elsewhere = write_line;
  membership.record = record_named(moved);
  if (!is_body()) membership.record = record_of_self();
  if (!is_body()) {
    membership.node = vpid::node_of(static_cast<int32_t>(sys::call(SYS_getpid)));
    return true;
  }
  membership.node = {record().body_node.load()};
  record().has_shim.store(1);
  if (membership.node.value >= kNodeCountMax) return false;
  if (record().fresh.exchange(0) == 0) {
    tell_of_exec();
    return true;
  }
  pause_at(wire::Step::arrived);
  await_state(record(), wire::MovedState::claimed);
  await_state(record(), wire::MovedState::leaving);
  take_places();
  pause_at(wire::Step::places_taken);
  return true;
}

bool arrive(uint32_t index) {
  if (have_board_of_keeper() != 0) return false;
  wire::Moved& m = wire::moved(index);
  membership.record = index;
  membership.node = {m.body_node.load()};
  if (m.pid.load() != sys::call(SYS_getpid)) return false;
  m.fresh.store(0);
  pause_at(wire::Step::rebuilt);
  m.arrival.store(static_cast<uint32_t>(wire::Arrival::arrived));
  NodeBell::wake(arrival_word(m), 1);
  take_places();
  return true;
}

ChildRecord claim_for_child() {
  const uint32_t index = claim_record(membership.node, {record().shadow_node.load()});
  if (index == kNoRecord) return {kNoRecord, 0};
  pause_at(wire::Step::child_claimed);
  wire::moved(index).supervised.store(record().supervised.load());
  wire::cluster().nodes[membership.node.value].body_count.fetch_add(1);
  return {index, wire::moved(index).use.load()};
}

long begin_as_child(uint32_t child, uint32_t parent) {
  wire::Moved& m = wire::moved(child);
  pause_at(wire::Step::child_born);
  m.pid.store(static_cast<int32_t>(sys::call(SYS_getpid)));
  // First: from the moment it is settled the parent may kill it.
  const Result<int64_t> watched =
      ask_spd(membership.node, membership.node, own_tid(), wire::NodeOperation::watch_body, child);
  if (!watched || *watched != 0) return -EAGAIN;
  pause_at(wire::Step::child_watched);
  const long forked = ask_shadow(parent, wire::ShadowOperation::fork, child);
  if (sys::failed(forked)) return forked;
  await_state(m, wire::MovedState::claimed);
  return 0;
}

namespace {

// The child is gone. Requests are taken in order, so after these answers all that it has asked for is done.
void look_after_record(ChildRecord child) {
  wire::Moved& m = wire::moved(child.index);
  (void)ask_spd(membership.node, membership.node, own_tid(), wire::NodeOperation::none);
  (void)ask_shadow(membership.record, wire::ShadowOperation::none);
  if (m.shadow_pid.load() != 0 || m.use.load() != child.use) return; // its shadow does it
  wire::MovedState claimed = wire::MovedState::claimed;
  if (m.state.compare_exchange_strong(claimed, wire::MovedState::ended))
    wire::cluster().nodes[membership.node.value].body_count.fetch_sub(1);
  release(m);
}

} // namespace

long await_child(ChildRecord child, long pid) {
  constexpr int64_t kLookAgainNs = 20'000'000;
  CallScope::forget();
  wire::Moved& m = wire::moved(child.index);
  siginfo_t info{};
  while (pid > 0 && m.state.load() == wire::MovedState::claimed && m.use.load() == child.use && info.si_pid != pid) {
    if (NodeBell::sleep(state_word(m), static_cast<uint32_t>(wire::MovedState::claimed), kLookAgainNs) == -ETIMEDOUT &&
        sys::call(SYS_waitid, P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL, 0) != 0)
      break;
  }
  const wire::MovedState state = m.state.load();
  if (m.use.load() != child.use || (state != wire::MovedState::claimed && state != wire::MovedState::ended)) return pid;
  look_after_record(child);
  if (pid <= 0 || info.si_code != CLD_EXITED || info.si_status != kNotBegun) return pid;
  sys::call(SYS_wait4, pid, nullptr, __WALL, nullptr);
  return -EAGAIN;
}

void await_undone(long child) {
  constexpr int64_t kLookAgainNs = 10'000'000;
  constexpr uint32_t kLooksMax = 100; // its node may die
  const uint32_t high = wire::cluster().moved_high.load();
  for (uint32_t i = 0; i < high && i < wire::kMovedCountMax; ++i) {
    const wire::Moved& m = wire::moved(i);
    if (m.pid.load() != child || m.body_node.load() != membership.node.value || !m.undoes.load()) continue;
    if (sys::call(SYS_kill, child, 0) != -ESRCH) return; // it has stopped
    for (uint32_t looks = 0; m.pid.load() == child && looks < kLooksMax; ++looks)
      NodeBell::sleep(state_word(m), static_cast<uint32_t>(m.state.load()), kLookAgainNs);
  }
}

} // namespace sp::vfd
