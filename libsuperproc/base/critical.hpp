// SPDX-License-Identifier: Apache-2.0
// A stretch of code during which the thread must not run a handler of the program nor be stopped for a fork. Signals that
// arrive meanwhile are put off (signal/delivery.cpp) and raised again at the end; blocking them in the kernel would cost
// two calls every time. Nests.
#pragma once
#include <cstdint>

namespace sp {

struct CriticalState {
  uint32_t depth;
  uint32_t put_off;  // signals, or a stop, wait for the end
  uint32_t* awaited; // a futex word on which the thread sleeps meanwhile, or null: a signal that is put off marks it
};
inline constexpr uint32_t kAwaitedMark = 1u << 30; // no bit of a bell (gnttab-shm/wire_event_channel.hpp)
extern thread_local constinit CriticalState critical_state;

// Set by signal/: what to do when the outermost section ends and something was put off.
extern void (*critical_left)();

class Critical {
public:
  Critical() {
    critical_state.depth = critical_state.depth + 1;
    asm volatile("" ::: "memory");
  }
  Critical(const Critical&) = delete;
  ~Critical() {
    asm volatile("" ::: "memory");
    critical_state.depth = critical_state.depth - 1;
    if (critical_state.depth == 0 && critical_state.put_off) [[unlikely]]
      if (critical_left) critical_left();
  }
};

} // namespace sp
