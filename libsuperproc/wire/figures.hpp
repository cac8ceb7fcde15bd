// SPDX-License-Identifier: Apache-2.0
// What a node's kernel tells of one of its processes, asked for by an inquiry of this number (wire/inquiry.hpp), whose first
// argument is the process.
#pragma once
#include <cstdint>

namespace sp::wire {

inline constexpr uint32_t kFiguresOf = 0x10000; // no call's
struct Figures {
  uint64_t user_ticks, system_ticks, bytes, resident_pages;
  uint32_t threads;
  char state; // as in /proc/PID/stat
};

} // namespace sp::wire
