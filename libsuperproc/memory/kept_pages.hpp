// SPDX-License-Identifier: Apache-2.0
// Small blocks that a thread maps and unmaps all the time keep their pages: emptied by hand they cost a tenth of what
// giving them back to the kernel and faulting them in again does. A free record says that it has such pages; each arena
// keeps a few MiB at most. Only while there is no time to close freed addresses (protection.hpp): what is unmapped now and
// then goes back to the kernel, and faults.
#pragma once
#include "libsuperproc/memory/windows.hpp"

namespace sp::memory {

// munmap of the window's range, if it can be had that way.
bool free_but_keep_pages(Window& window);
// Free addresses are about to be used for something: they are not counted any more.
void forget_kept(Window& window, uint64_t start, uint64_t end);

} // namespace sp::memory
