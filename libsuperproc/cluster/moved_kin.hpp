// SPDX-License-Identifier: Apache-2.0
// SIGSTOP reaches a shadow as it reaches any process, but a shadow can neither catch nor pass it on. So whoever sends it,
// from this node, tells the bodies; a shadow stops when its body has stopped. From senders that superproc does not know it
// stops the shadow first (spd/stops.hpp).
#pragma once
#include <csignal>

#include "libsuperproc/cluster/node_mesh.hpp"

namespace sp {

// Does kill(target) from a process of group `own_group` mean this one?
inline bool is_meant(const wire::Moved& m, int32_t target, int32_t own_group) {
  if (target > 0) return m.pid.load() == target;
  if (target == -1) return true;
  const int32_t group = target == 0 ? own_group : -target;
  return sys::call(SYS_getpgid, m.shadow_pid.load()) == group;
}

// Returns how many.
inline uint32_t stop_bodies(NodeId here, int32_t target) {
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  const auto own_group = static_cast<int32_t>(sys::call(SYS_getpgid, 0));
  uint32_t count = 0;
  for (uint32_t i = 0; i < wire::cluster().moved_high.load() && i < wire::kMovedCountMax; ++i) {
    const wire::Moved& m = wire::moved(i);
    if (m.state.load() != wire::MovedState::settled || m.shadow_node.load() != here.value) continue;
    if (!is_meant(m, target, own_group)) continue;
    (void)ask_spd(here, {m.body_node.load()}, self, wire::NodeOperation::signal_body, i, SIGSTOP);
    ++count;
  }
  return count;
}

} // namespace sp
