// SPDX-License-Identifier: Apache-2.0
// Launchers (`spctl run --cluster`) live outside of the cluster and are their programs' parents there. The kernel keeps a
// node's first process until each of them has taken its program's end.
#pragma once
#include <cstdint>
#include <sys/types.h>

namespace sp::spctl {

uint64_t pid_space_of(pid_t pid); // its pid namespace, 0: gone

// Continues those that are stopped, so that a cluster can end. `space`: the first node's.
void wake_launchers(uint64_t space);

} // namespace sp::spctl
