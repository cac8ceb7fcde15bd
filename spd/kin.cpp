// SPDX-License-Identifier: Apache-2.0
#include "spd/kin.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <sys/syscall.h>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>

#include "libsuperproc/cluster/node_mesh.hpp"
#include "spd/process_status.hpp"
#include "spd/watch.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::spd {

namespace {

std::mutex adopting;

bool is_alive(const wire::Moved& m) {
  const wire::MovedState state = m.state.load();
  return state == wire::MovedState::settled || state == wire::MovedState::leaving ||
         state == wire::MovedState::claimed;
}

bool is_body(NodeId self, const wire::Moved& m, pid_t pid) {
  return m.pid.load() == pid && m.body_node.load() == self.value && is_alive(m);
}

std::optional<uint32_t> record_of(NodeId self, pid_t process) {
  const uint32_t high = std::min(wire::cluster().moved_high.load(), wire::kMovedCountMax);
  for (uint32_t i = 0; i < high; ++i)
    if (is_body(self, wire::moved(i), process)) return i;
  return std::nullopt;
}

// What was found before, so that /proc is not read at each call.
class KnownThreads {
public:
  std::optional<uint32_t> find(NodeId self, pid_t tid) {
    const std::lock_guard lock(mutex_);
    const auto found = records_.find(tid);
    if (found == records_.end()) return std::nullopt;
    const pid_t process = wire::moved(found->second).pid.load();
    if (is_body(self, wire::moved(found->second), process) && syscall(SYS_tgkill, process, tid, 0) == 0)
      return found->second;
    records_.erase(found);
    return std::nullopt;
  }
  void add(pid_t tid, uint32_t record) {
    const std::lock_guard lock(mutex_);
    if (records_.size() > kCountMax) records_.clear();
    records_[tid] = record;
  }

private:
  static constexpr size_t kCountMax = 4096;
  std::mutex mutex_;
  std::unordered_map<pid_t, uint32_t> records_;
};
KnownThreads known;

class ForkingThreads {
public:
  void add(pid_t tid) {
    const std::lock_guard lock(mutex_);
    tids_.insert(tid);
  }
  bool take(pid_t tid) {
    const std::lock_guard lock(mutex_);
    return tids_.erase(tid) != 0;
  }

private:
  std::mutex mutex_;
  std::unordered_set<pid_t> tids_;
};
ForkingThreads forking;

long adopt(NodeId self, uint32_t parent, pid_t child) {
  const uint32_t record = vfd::claim_record(self, {wire::moved(parent).shadow_node.load()});
  if (record == vfd::kNoRecord) return -EAGAIN;
  wire::Moved& m = wire::moved(record);
  m.supervised.store(1), m.has_shim.store(0);
  m.pid.store(child);
  if (const long failed = watch(Watched::body, record)) return release(m), failed;
  wire::cluster().nodes[self.value].body_count.fetch_add(1);
  const long forked = vfd::ask_shadow(parent, wire::ShadowOperation::fork, record);
  if (sys::failed(forked)) {
    wire::cluster().nodes[self.value].body_count.fetch_sub(1);
    return release(m), forked;
  }
  constexpr int64_t kLookNs = 10'000'000;
  while (m.state.load() == wire::MovedState::claimed && is_alive(wire::moved(parent)))
    NodeBell::sleep(state_word(m), static_cast<uint32_t>(wire::MovedState::claimed), kLookNs);
  return 0;
}

// Holds `adopting`.
void adopt_new(NodeId self, uint32_t record) {
  if (wire::moved(record).has_shim.load()) return;
  for (const pid_t child : children_of(wire::moved(record).pid.load()))
    if (!record_of(self, child)) (void)adopt(self, record, child);
}

} // namespace

std::optional<uint32_t> record_of_thread(NodeId self, pid_t tid) {
  if (const auto found = known.find(self, tid)) return found;
  const auto status = status_of(tid);
  if (!status) return std::nullopt;
  auto record = record_of(self, status->process);
  if (!record) {
    const std::lock_guard lock(adopting);
    record = record_of(self, status->process); // it may be just happening
    const auto parent = record ? std::nullopt : record_of(self, status->parent);
    if (parent && !wire::moved(*parent).has_shim.load() && adopt(self, *parent, status->process) == 0)
      record = record_of(self, status->process);
  }
  if (record) known.add(tid, *record);
  return record;
}

void expect_child(pid_t tid) { forking.add(tid); }

void adopt_children(NodeId self, uint32_t record, pid_t tid) {
  if (!forking.take(tid)) return;
  const std::lock_guard lock(adopting);
  adopt_new(self, record);
}

void adopt_all_children(NodeId self, uint32_t record) {
  const std::lock_guard lock(adopting);
  adopt_new(self, record);
}

} // namespace sp::spd
