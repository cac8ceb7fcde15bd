// SPDX-License-Identifier: Apache-2.0
// A word in shared memory that the kernel marks when the thread that has it calls exec or ends, however that comes about,
// and of whose waiters it then wakes one: the only entry of a robust list (get_robust_list(2)).
#pragma once
#include <atomic>
#include <cstdint>
#include <linux/futex.h>

#include "libsuperproc/base/sys.hpp"

namespace sp {

inline constexpr uint32_t kOwnerIsGone = FUTEX_OWNER_DIED; // the mark

// It lies where nothing else is until the thread has called exec or ended.
struct RobustWord {
  uint64_t first, futex_offset, pending; // struct robust_list_head
  uint64_t entry;

  // The calling thread's from here on, in place of what it may have had. It must hold owned_by(its tid).
  void hold(const std::atomic<uint32_t>& word) {
    const auto address = [](const void* at) { return reinterpret_cast<uint64_t>(at); };
    first = address(&entry), futex_offset = address(&word) - address(&entry), pending = 0, entry = address(&first);
    sys::call(SYS_set_robust_list, this, 3 * sizeof(uint64_t));
  }
};
constexpr uint32_t owned_by(int32_t tid) { return static_cast<uint32_t>(tid) | FUTEX_WAITERS; }

} // namespace sp
