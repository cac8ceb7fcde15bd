// SPDX-License-Identifier: Apache-2.0
// How processes of one domain find a segment that another of them made: a small file of this user in /dev/shm says which
// process has it open, under which number, and the file itself is taken from there (pidfd_getfd, as ptrace may).
// Death: of a maker that is gone nothing can be taken (ESRCH); what it announced lies there until its number is used
// again. What stands there is checked: the file must be a gntalloc one, the root page must agree.
#pragma once
#include "gnttab-shm/backend/xen/grant_device.hpp"

namespace sp::xen {

struct Announced {
  int file = -1;
  uint64_t bytes = 0;
};

// This process has the segment of this root in that file.
Result<void> announce(GrantRef root, Announced what);
// The caller owns the descriptor. ENOENT: nobody announced it.
Result<Announced> find_announced(GrantRef root);
// If this process announced it.
void forget_announced(GrantRef root);

} // namespace sp::xen
