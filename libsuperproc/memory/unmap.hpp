// SPDX-License-Identifier: Apache-2.0
// What leaves the address space: the pages of a range go, what other than a segment was mapped there is taken away on every
// node, and its records become free. For munmap and for whatever is about to be mapped over something.
#pragma once
#include "libsuperproc/memory/windows.hpp"

namespace sp::memory {

// Of what is not reserved in [start, end) of a window, its lock held.
long free_range(Window& window, uint64_t start, uint64_t end);

} // namespace sp::memory
