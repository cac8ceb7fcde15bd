// SPDX-License-Identifier: Apache-2.0
#include "spd/forsaken.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "libsuperproc/cluster/node_mesh.hpp"

namespace sp::spd {

namespace {

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

bool is_gone(pid_t pid) { return pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH); }

} // namespace

bool Forsaken::is_forsaken(const wire::Moved& m) const {
  switch (m.state.load()) {
    case wire::MovedState::claimed:
      return m.claimant_node.load() == self_.value && is_gone(m.claimant.load()) && is_gone(m.pid.load());
    case wire::MovedState::ended: return m.shadow_node.load() == self_.value && is_gone(m.shadow_pid.load());
    default: return false;
  }
}

void Forsaken::look() {
  const int64_t now = now_ns();
  for (uint32_t i = 0; i < std::min(wire::cluster().moved_high.load(), wire::kMovedCountMax); ++i) {
    wire::Moved& m = wire::moved(i);
    const uint32_t use = m.use.load();
    Seen& seen = seen_[i];
    if (!is_forsaken(m)) {
      seen.since_ns = 0;
    } else if (seen.since_ns == 0 || seen.use != use) {
      seen = {use, now};
    } else if (now - seen.since_ns >= kForsakenNs && m.use.load() == use) {
      const bool was_counted = m.state.load() == wire::MovedState::claimed && m.body_node.load() == self_.value;
      if (was_counted) wire::cluster().nodes[self_.value].body_count.fetch_sub(1);
      seen.since_ns = 0;
      release(m);
    }
  }
}

} // namespace sp::spd
