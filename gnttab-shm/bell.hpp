// SPDX-License-Identifier: Apache-2.0
// How a thread sleeps on a word of shared memory and how another wakes it. Rings and event channels take it as a
// template parameter, because it is all that differs between nodes on one kernel (a futex, here) and nodes that only
// share memory (an interrupt to the other node, whose agent wakes the sleeper).
#pragma once
#include <concepts>
#include <cstdint>

#include "libsuperproc/base/sys.hpp"

namespace sp {

template <class B>
concept Bell = requires(const volatile uint32_t* word, uint32_t expected, int64_t timeout_ns, int count) {
  // 0 or a negative errno: -EAGAIN when *word != expected, -EINTR, -ETIMEDOUT. timeout_ns < 0: none.
  { B::sleep(word, expected, timeout_ns) } -> std::same_as<long>;
  { B::wake(word, count) } -> std::same_as<long>;
};

struct FutexBell {
  static long sleep(const volatile uint32_t* word, uint32_t expected, int64_t timeout_ns) {
    return sys::futex_wait(word, expected, timeout_ns);
  }
  static long wake(const volatile uint32_t* word, int count) { return sys::futex_wake(word, count); }
};
static_assert(Bell<FutexBell>);

} // namespace sp
