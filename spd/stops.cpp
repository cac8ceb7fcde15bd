// SPDX-License-Identifier: Apache-2.0
#include "spd/stops.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <unistd.h>

#include "spd/process_status.hpp"
#include "spd/segment.hpp"
#include "spd/tell.hpp"

namespace sp::spd {

namespace {

std::atomic<uint32_t> shadows;

struct Seen {
  uint32_t use; // of the record
  uint64_t runs;
  bool stopped;
};
Seen seen[wire::kMovedCountMax];

bool stands_here(const wire::Moved& m, NodeId self) {
  return m.state.load() == wire::MovedState::settled && m.shadow_node.load() == self.value &&
         is_leased(m.shadow_pid.load());
}

void look_at(NodeId self, uint32_t record) {
  const wire::Moved& m = wire::moved(record);
  if (!stands_here(m, self)) return;
  const pid_t pid = m.shadow_pid.load();
  const uint32_t use = m.use.load(), node = m.body_node.load();
  const auto status = status_of(pid);
  if (!status) return;
  Seen& last = seen[record];
  const Seen now{use, status->runs, status->stopped};
  const bool is_news = now.stopped && !(last.stopped && last.use == now.use && last.runs == now.runs);
  last = now;
  if (!is_news || !tell(self, node, wire::NodeOperation::stop_body, record, 0)) return;
  const auto then = status_of(pid);
  if (then && !then->stopped) (void)tell(self, node, wire::NodeOperation::signal_body, record, SIGCONT);
}

} // namespace

void shadow_appears() {
  if (shadows.fetch_add(1) == 0) shadows.notify_one();
}
void shadow_disappears() { shadows.fetch_sub(1); }

void watch_stops(NodeId self) {
  constexpr useconds_t kLookUs = 100'000, kMoreForEachUs = 1'000; // many of them are no more work
  for (;;) {
    shadows.wait(0);
    const uint32_t high = std::min(wire::cluster().moved_high.load(), wire::kMovedCountMax);
    for (uint32_t record = 0; record < high; ++record) look_at(self, record);
    usleep(kLookUs + kMoreForEachUs * std::min(shadows.load(), wire::kMovedCountMax));
  }
}

} // namespace sp::spd
