// SPDX-License-Identifier: Apache-2.0
#include "spd/watch.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsuperproc/cluster/node_mesh.hpp"
#include "spd/segment.hpp"

namespace sp::spd {

namespace {

int all_watched() {
  static const int epoll = epoll_create1(EPOLL_CLOEXEC);
  return epoll;
}

struct Watch {
  int descriptor;
  uint32_t use; // of the record
  uint32_t record;
  Watched what;
};

pid_t number_of(Watched what, uint32_t record) {
  const wire::Moved& m = wire::moved(record);
  return what == Watched::body ? m.pid.load() : m.shadow_pid.load();
}

void body_ended(NodeId self, uint32_t record) {
  wire::Moved& m = wire::moved(record);
  if (m.state.load() == wire::MovedState::free) return; // its program has gone home
  wire::cluster().nodes[self.value].body_count.fetch_sub(1);
  set_state(m, wire::MovedState::ended);
  if (const auto bell = EventChannel::open(moved_bell_line(record))) bell->notify(wire::kBellLocal);
}

// One of them is to look after its children.
void ring_shadows(NodeId self) {
  for (uint32_t i = 0; i < std::min(wire::cluster().moved_high.load(), wire::kMovedCountMax); ++i) {
    const wire::Moved& m = wire::moved(i);
    if (m.state.load() != wire::MovedState::settled || m.shadow_node.load() != self.value) continue;
    if (const auto bell = EventChannel::open(moved_bell_line(i))) bell->notify(wire::kBellLocal);
  }
}

// The one who stands for the body is gone, so nobody can ask or tell any more.
void shadow_ended(NodeId self, uint32_t record) {
  wire::Moved& m = wire::moved(record);
  const HostTid tid{static_cast<int32_t>(syscall(SYS_gettid))};
  if (m.state.load() == wire::MovedState::free) return;
  if (m.departure.stays) return ring_shadows(self); // its program has come home; its parent's shadow tells how it ended
  if (m.state.load() != wire::MovedState::ended)
    (void)ask_spd(self, {m.body_node.load()}, tid, wire::NodeOperation::signal_body, record, SIGKILL);
  for (wire::MovedState state; (state = m.state.load()) != wire::MovedState::ended;) {
    if (state == wire::MovedState::free) return;
    sys::futex_wait(state_word(m), static_cast<uint32_t>(state));
  }
  release(m);
}

} // namespace

long watch(Watched what, uint32_t record) {
  const pid_t pid = number_of(what, record);
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) return -errno;
  auto* const entry = new Watch{descriptor, wire::moved(record).use.load(), record, what};
  epoll_event event{EPOLLIN, {.ptr = entry}};
  // Until it ends: watch_all() deletes it. NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks)
  if (epoll_ctl(all_watched(), EPOLL_CTL_ADD, descriptor, &event) == 0) return 0;
  const int error = errno;
  delete entry;
  close(descriptor);
  return -error;
}

void watch_all(NodeId self) {
  for (;;) {
    epoll_event event{};
    if (epoll_wait(all_watched(), &event, 1, -1) != 1) continue;
    const std::unique_ptr<Watch> gone(static_cast<Watch*>(event.data.ptr));
    close(gone->descriptor);
    if (wire::moved(gone->record).use.load() != gone->use) continue; // another has the record now
    gone->what == Watched::body ? body_ended(self, gone->record) : shadow_ended(self, gone->record);
  }
}

} // namespace sp::spd
