// SPDX-License-Identifier: Apache-2.0
// What spctl, which has started an isolated cluster, is told through its pipe by the daemons and by the cluster's parent.
// Each record is written with one call; the first one counts.
#pragma once
#include <climits>
#include <cstdint>

namespace sp::wire {

struct LaunchReport {
  int32_t exit_code;   // 0: the program has ended; else there is no program, and spctl ends with this
  int32_t wait_status; // of the program, as wait4 gives it
  char why[504];       // there is no program; ended by a zero byte
};
static_assert(sizeof(LaunchReport) == 512 && sizeof(LaunchReport) <= PIPE_BUF);

} // namespace sp::wire
