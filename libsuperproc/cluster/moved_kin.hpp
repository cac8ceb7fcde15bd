// SPDX-License-Identifier: Apache-2.0
// SIGSTOP and SIGKILL reach a shadow as they reach any process, but a shadow can neither catch nor pass them on. So whoever
// sends one, from this node, tells the bodies; a shadow stops, or is killed, when its body has been. So nothing that was
// killed goes on when its parent has seen it end. From senders that superproc does not know SIGSTOP stops the shadow first
// (spd/stops.hpp), and a body outlives its killed shadow by the moment in which spd learns of that.
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

inline bool is_meant_for_bodies(int signal) { return signal == SIGSTOP || signal == SIGKILL; }

// Returns how many. Of a group the kernel stops the shadows itself, so they need not hear of their bodies' stops: one that
// heard of it when it has been continued would stop again.
inline uint32_t signal_bodies(NodeId here, int32_t target, int signal) {
  if (sys::call(SYS_kill, target, 0) != 0) return 0;
  const bool shadows_stop = signal == SIGSTOP && target <= 0;
  const auto operation = shadows_stop ? wire::NodeOperation::stop_body : wire::NodeOperation::signal_body;
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  const auto own_group = static_cast<int32_t>(sys::call(SYS_getpgid, 0));
  uint32_t count = 0;
  for (uint32_t i = 0; i < wire::cluster().moved_high.load() && i < wire::kMovedCountMax; ++i) {
    const wire::Moved& m = wire::moved(i);
    if (m.state.load() != wire::MovedState::settled || m.shadow_node.load() != here.value) continue;
    if (!is_meant(m, target, own_group)) continue;
    const auto told = ask_spd(here, {m.body_node.load()}, self, operation, i, signal);
    if (told && *told == 0) ++count;
  }
  return count;
}

} // namespace sp
