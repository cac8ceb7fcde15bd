// SPDX-License-Identifier: Apache-2.0
// What all residents share about the address space, besides the VMA maps: where the segments are to be had, the heap and
// the main stack, and the locks. One lock for each arena, so that nodes do not meet; one for everything else.
#pragma once
#include "libsuperproc/base/lock.hpp"
#include "libsuperproc/memory/vma_map.hpp"
#include "libsuperproc/wire/control_tables.hpp"

namespace sp::memory {

// What may still be spent on closing free addresses (protection.hpp); belongs to who holds the lock beside it.
struct ClosingBudget {
  int64_t cycles;
  uint64_t refilled_at; // 0: not begun
};

struct MemoryTable {
  uint64_t image_base; // where the segments begin in their files (segments.hpp)
  uint64_t arena_base;
  uint32_t space; // isolated: the one in which they are
  uint32_t reserved;
  int32_t home_pid;
  int32_t reaper_tid;
  uint64_t break_start; // the heap, [break_start, break_end) of it in use, reserved up to break_limit
  uint64_t break_end;
  uint64_t break_limit;
  uint64_t stack_start; // the main thread's
  uint64_t stack_end;
  Lock outside_lock;                 // image and file windows, and the break
  std::atomic<uint32_t> lock_future; // MCL_FUTURE | MCL_ONFAULT: what mlockall asked for
  ClosingBudget outside_closing;
  struct alignas(64) ArenaLock {
    Lock lock;
    uint32_t reserved;
    ClosingBudget closing;
  } arena_locks[kNodeCountMax];
};

inline MemoryTable& memory_table() { return *reinterpret_cast<MemoryTable*>(wire::kMemoryTable); }

// The windows of the address space, each with a VMA map of its own.
inline VmaMap image_map() { return VmaMap(reinterpret_cast<void*>(wire::kVmaImage)); }
inline VmaMap arena_map(NodeId n) {
  return VmaMap(reinterpret_cast<void*>(wire::kVmaArenas + n.value * wire::kVmaBytes));
}
inline VmaMap file_map(NodeId n) {
  return VmaMap(reinterpret_cast<void*>(wire::kVmaFiles + n.value * wire::kVmaBytes));
}

} // namespace sp::memory
