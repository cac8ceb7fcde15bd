// SPDX-License-Identifier: Apache-2.0
// Sleeping on a word of shared memory that threads of several nodes sleep on. Where the nodes have one kernel it is a futex;
// else sync/ has a hash of waiters for it (sync/waiter_hash.hpp), and says so here before the first other node exists.
#pragma once
#include "libsuperproc/base/sys.hpp"

namespace sp {

struct SharedWords {
  long (*sleep)(const volatile uint32_t* word, uint32_t expected, int64_t timeout_ns); // null: the kernel's
  void (*wake)(const volatile uint32_t* word, int count);
};
extern SharedWords shared_words;

// As sys::futex_wait and futex_wake.
inline long sleep_on(const volatile uint32_t* word, uint32_t expected, int64_t timeout_ns = -1) {
  return shared_words.sleep ? shared_words.sleep(word, expected, timeout_ns)
                            : sys::futex_wait(word, expected, timeout_ns);
}
inline void wake_on(const volatile uint32_t* word, int count) {
  if (shared_words.wake) return shared_words.wake(word, count);
  sys::futex_wake(word, count);
}

} // namespace sp
