// SPDX-License-Identifier: Apache-2.0
// The windows of the address space, each with its VMA map and lock: arenas, file windows, and the image (the rest). A
// range of addresses may span several; for_windows cuts it up.
#pragma once
#include "libsuperproc/memory/memory_table.hpp"

namespace sp::memory {

struct Window {
  VmaMap map;
  Lock& lock;
  ClosingBudget& closing;
  uint64_t start, end; // the part of the range that lies here
  bool is_arena;
};

inline Window arena_window(NodeId n, uint64_t start = 0, uint64_t end = 0) {
  return {
      arena_map(n), memory_table().arena_locks[n.value].lock, memory_table().arena_locks[n.value].closing, start, end,
      true};
}
inline Window file_window(NodeId n, uint64_t start = 0, uint64_t end = 0) {
  return {file_map(n), memory_table().outside_lock, memory_table().outside_closing, start, end, false};
}
inline Window image_window(uint64_t start = 0, uint64_t end = 0) {
  return {image_map(), memory_table().outside_lock, memory_table().outside_closing, start, end, false};
}

// The window of an address, and where it ends.
inline Window window_of(uint64_t start, uint64_t end) {
  const auto clip = [&](uint64_t limit) { return end < limit ? end : limit; };
  if (wire::in_arenas(start)) {
    const NodeId n = wire::arena_node(start);
    return arena_window(n, start, clip(wire::arena_start(n) + wire::kArenaBytes));
  }
  if (wire::in_files(start)) {
    const NodeId n = wire::file_node(start);
    return file_window(n, start, clip(wire::file_start(n) + wire::kFileBytes));
  }
  return image_window(start, clip(start < wire::kArenaBase ? wire::kArenaBase : wire::kUserEnd));
}

// f(Window&) -> long for each part of [start, end) in turn, its lock held; ends with the first failure.
template <class Function>
long for_windows(uint64_t start, uint64_t end, Function f) {
  while (start < end) {
    Window window = window_of(start, end);
    Holding holding(window.lock);
    if (const long result = f(window); result != 0) return result;
    start = window.end;
  }
  return 0;
}

} // namespace sp::memory
