// SPDX-License-Identifier: Apache-2.0
// A lock between all threads of one SubProcess, on every node: 0 free, 1 held, 2 held and somebody sleeps.
// Its holder is in a Critical section, so no signal handler of the program runs on top of it (a handler may map memory
// and would wait for itself), and it is never held across a call that may block for long. It needs no owner: residents
// live and die together, and a fork's child starts with new locks.
#pragma once
#include <atomic>

#include "libsuperproc/base/critical.hpp"
#include "libsuperproc/base/shared_word.hpp"

namespace sp {

class Lock {
public:
  void acquire() {
    uint32_t expected = 0;
    if (word_.compare_exchange_strong(expected, 1, std::memory_order_acquire)) [[likely]]
      return;
    while (word_.exchange(2, std::memory_order_acquire) != 0) sleep_on(raw(), 2);
  }
  bool try_acquire() {
    uint32_t expected = 0;
    return word_.compare_exchange_strong(expected, 1, std::memory_order_acquire);
  }
  void release() {
    if (word_.exchange(0, std::memory_order_release) == 2) wake_on(raw(), 1);
  }

private:
  const volatile uint32_t* raw() const { return reinterpret_cast<const volatile uint32_t*>(&word_); }
  std::atomic<uint32_t> word_{0};
};
static_assert(sizeof(Lock) == 4);

// Holds a lock for a scope, with the program's signal handlers put off.
class Holding {
public:
  explicit Holding(Lock& lock) : lock_(lock) { lock_.acquire(); }
  Holding(const Holding&) = delete;
  ~Holding() { lock_.release(); }

private:
  Critical critical_; // entered before the lock is taken, left after it is released
  Lock& lock_;
};

} // namespace sp
