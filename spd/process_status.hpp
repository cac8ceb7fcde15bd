// SPDX-License-Identifier: Apache-2.0
// What /proc says about a process or thread of this node.
#pragma once
#include <cstdint>
#include <optional>
#include <sys/types.h>
#include <vector>

#include "libsuperproc/wire/cluster.hpp"

namespace sp::spd {

struct ProcessStatus {
  pid_t process, parent;
  uint32_t thread_count;
  uint64_t pending, shared_pending, blocked, ignored, caught;
  bool stopped;
  uint64_t runs; // how often the first thread has begun to run

  // Pending, let in, and with an effect.
  uint64_t waiting_signals() const;
};

std::optional<ProcessStatus> status_of(pid_t tid);

bool credentials_of(pid_t tid, wire::Credentials& found); // but for the secure bits, which it does not say

std::vector<pid_t> children_of(pid_t process); // ended ones that nobody has waited for included

} // namespace sp::spd
