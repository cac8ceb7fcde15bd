// SPDX-License-Identifier: Apache-2.0
#include "spd/watch.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <mutex>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "libsuperproc/cluster/node_mesh.hpp"
#include "spd/parked.hpp"
#include "spd/segment.hpp"
#include "spd/stops.hpp"
#include "spd/tell.hpp"
#include "spd/waiters.hpp"

namespace sp::spd {

namespace {

int all_watched() {
  static const int epoll = epoll_create1(EPOLL_CLOEXEC);
  return epoll;
}

struct Watch {
  int descriptor;
  pid_t pid;    // 0: of a token
  uint32_t use; // of the record; of a token: the node
  uint32_t record; // of a token: what is parked there
  Watched what;
  uint32_t look_count = 0;
};

// Each costs a descriptor, and who asks for one is not known. Those of earlier uses of a record do not stand in the way of
// this one: a process that stays, after all, is watched until it ends.
constexpr uint32_t kWatchesOfUseMax = 16, kWatchesMax = 8192;
std::mutex watches_lock;
struct {
  uint32_t use, count;
} watches[wire::kMovedCountMax];
uint32_t all_watches = 0;
std::atomic<uint32_t> tokens;

bool count_watch(uint32_t record, uint32_t use) {
  const std::lock_guard held(watches_lock);
  auto& of_record = watches[record];
  if (of_record.use != use) of_record = {use, 0};
  if (of_record.count >= kWatchesOfUseMax || all_watches >= kWatchesMax) return false;
  return ++of_record.count, ++all_watches, true;
}

void discount_watch(uint32_t record, uint32_t use) {
  const std::lock_guard held(watches_lock);
  --all_watches;
  if (watches[record].use == use) --watches[record].count;
}

pid_t number_of(Watched what, uint32_t record) {
  const wire::Moved& m = wire::moved(record);
  return what == Watched::body ? m.pid.load() : m.shadow_pid.load();
}

void body_ended(NodeId self, const Watch& gone) {
  wire::Moved& m = wire::moved(gone.record);
  waiter_ended(self, gone.pid);
  wire::MovedState state = m.state.load();
  do { // free: its program has gone home; ended: its parent has seen it first
    if (state == wire::MovedState::free || state == wire::MovedState::ended) return;
    if (m.use.load() != gone.use) return; // another has the record now
  } while (!m.state.compare_exchange_weak(state, wire::MovedState::ended));
  wire::cluster().nodes[self.value].body_count.fetch_sub(1);
  set_state(m, wire::MovedState::ended);
  if (const auto bell = EventChannel::open(moved_bell_line(gone.record))) bell->notify(wire::kBellLocal);
}

// One of them is to look after its children.
void ring_shadows(NodeId self) {
  for (uint32_t i = 0; i < std::min(wire::cluster().moved_high.load(), wire::kMovedCountMax); ++i) {
    const wire::Moved& m = wire::moved(i);
    if (m.state.load() != wire::MovedState::settled || m.shadow_node.load() != self.value) continue;
    if (const auto bell = EventChannel::open(moved_bell_line(i))) bell->notify(wire::kBellLocal);
  }
}

// Tokens that nobody has any more: their node is told. Bodies without a shadow: they are killed, and their records freed
// when they have ended. Looked at again and again, since this thread must not wait for a word that anybody can write.
std::vector<Watch> alone;
constexpr int kLookAgainMs = 2;

void kill_body(NodeId self, const Watch& w) {
  (void)tell(self, wire::moved(w.record).body_node.load(), wire::NodeOperation::signal_body, w.record, SIGKILL);
}

// A child of the body, which has just been made, waits for the shadow's answer as well. The body itself is gone by now: it
// must not go on with an error that no kernel gives.
void fail_askers(uint32_t record) {
  if (auto ring = Ring::open(moved_ring_memory(record), kMovedRingBytes)) ring->fail_all(EIO);
}

// True: there is nothing more to do for it.
bool look_after(NodeId self, Watch& w) {
  if (w.what == Watched::token) return tell(self, w.use, wire::NodeOperation::drop_parked, w.record, 0);
  constexpr uint32_t kKillEvery = 50, kNoBody = 500; // a request may be lost; its body may never have begun
  wire::Moved& m = wire::moved(w.record);
  const wire::MovedState state = m.state.load();
  if (m.use.load() != w.use || state == wire::MovedState::free) return true;
  if (state == wire::MovedState::ended || (state == wire::MovedState::claimed && w.look_count > kNoBody))
    return fail_askers(w.record), release(m), true;
  if (w.look_count++ % kKillEvery == 0) kill_body(self, w);
  return false;
}

// The one who stands for the body is gone, so nobody can ask or tell any more.
void shadow_ended(NodeId self, const Watch& gone) {
  const wire::Moved& m = wire::moved(gone.record);
  (void)tell(self, self.value, wire::NodeOperation::leave_pipe, gone.record, 0); // its ends are closed
  if (m.state.load() == wire::MovedState::free) return;
  if (m.departure.stays) return ring_shadows(self); // its program has come home; its parent's shadow tells how it ended
  alone.push_back(gone);
}

} // namespace

long watch(Watched what, uint32_t record, bool may_be_gone) {
  const pid_t pid = number_of(what, record);
  if (!is_leased(pid)) return -EINVAL;
  const uint32_t use = wire::moved(record).use.load();
  int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0 && errno == ESRCH && may_be_gone) descriptor = eventfd(1, EFD_CLOEXEC);
  if (descriptor < 0) return -errno;
  if (!count_watch(record, use)) return close(descriptor), -EAGAIN;
  auto* const entry = new Watch{descriptor, pid, use, record, what};
  epoll_event event{EPOLLIN, {.ptr = entry}};
  if (what == Watched::shadow) shadow_appears();
  // Until it ends: watch_all() deletes it. NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks)
  if (epoll_ctl(all_watched(), EPOLL_CTL_ADD, descriptor, &event) == 0) return 0;
  const int error = errno;
  if (what == Watched::shadow) shadow_disappears();
  discount_watch(record, use);
  delete entry;
  close(descriptor);
  return -error;
}

long watch_token(pid_t pid, uint64_t descriptor, uint64_t node, uint64_t parked) {
  if (node >= node_count() || parked > INT32_MAX) return -EINVAL;
  if (tokens.load() >= kParkedMax) return -EAGAIN;
  const int end = take_from(pid, descriptor);
  if (end < 0) return end;
  auto* const entry =
      new Watch{end, 0, static_cast<uint32_t>(node), static_cast<uint32_t>(parked), Watched::token};
  epoll_event event{EPOLLRDHUP, {.ptr = entry}};
  // Until the other end is closed: watch_all() deletes it. NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks)
  if (tokens.fetch_add(1), epoll_ctl(all_watched(), EPOLL_CTL_ADD, end, &event) == 0) return 0;
  const int error = errno;
  tokens.fetch_sub(1);
  delete entry;
  close(end);
  return -error;
}

void watch_all(NodeId self) {
  for (;;) {
    epoll_event event{};
    std::erase_if(alone, [self](Watch& w) { return look_after(self, w); });
    if (epoll_wait(all_watched(), &event, 1, alone.empty() ? -1 : kLookAgainMs) != 1) continue;
    const std::unique_ptr<Watch> gone(static_cast<Watch*>(event.data.ptr));
    // A child that spd has just forked may have it still: by closing alone it would not be off the list.
    epoll_ctl(all_watched(), EPOLL_CTL_DEL, gone->descriptor, nullptr);
    close(gone->descriptor);
    if (gone->what == Watched::token) {
      tokens.fetch_sub(1);
      alone.push_back(*gone);
      continue;
    }
    discount_watch(gone->record, gone->use);
    if (gone->what == Watched::shadow) shadow_disappears();
    if (wire::moved(gone->record).use.load() != gone->use) continue; // another has the record now
    gone->what == Watched::body ? body_ended(self, *gone) : shadow_ended(self, *gone);
  }
}

} // namespace sp::spd
