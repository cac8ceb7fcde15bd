// SPDX-License-Identifier: Apache-2.0
// What all kinds of mmap have in common: whether a fixed place may be had, making room there, memory of a segment.
#pragma once
#include <sys/mman.h>

#include "libsuperproc/memory/windows.hpp"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

namespace sp::memory {

inline constexpr int kMapTypeMask = 0x0f;
inline bool is_fixed(int flags) { return flags & (MAP_FIXED | MAP_FIXED_NOREPLACE); }

// Page-aligned, within what a program may use, not superproc's own: else -EINVAL, -ENOMEM.
long check_place(uint64_t address, uint64_t bytes);
// Frees the window's range; -EEXIST when MAP_FIXED_NOREPLACE forbids it, -ENOMEM where superproc's own things lie.
long make_room(Window& window, int flags);
// Anonymous memory at free addresses, which in an arena are closed on these nodes.
long place_anonymous(Window& window, uint64_t start, uint64_t end, int prot, uint16_t closed);

} // namespace sp::memory
