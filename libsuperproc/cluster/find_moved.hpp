// SPDX-License-Identifier: Apache-2.0
// The record of the process with this number, if it has moved.
#pragma once
#include "libsuperproc/wire/cluster.hpp"

namespace sp {

// Its body may have ended: then the kernel there has no more of it than this node's would have, and the shadow is about to
// end, but stays as a zombie for a parent at home.
inline const wire::Moved* find_moved(int32_t pid, NodeId here) {
  const uint32_t high = wire::cluster().moved_high.load();
  for (uint32_t i = 0; i < high && i < wire::kMovedCountMax; ++i) {
    const wire::Moved& m = wire::moved(i);
    if (m.pid.load() != pid) continue;
    const wire::MovedState state = m.state.load();
    if (state == wire::MovedState::settled || state == wire::MovedState::leaving) return &m;
    if (state == wire::MovedState::ended && m.body_node.load() == here.value) return &m;
  }
  return nullptr;
}

inline bool is_body_of(int32_t pid, NodeId here) {
  const wire::Moved* const moved = find_moved(pid, here);
  return moved && moved->body_node.load() == here.value;
}

} // namespace sp
