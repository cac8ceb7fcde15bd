// SPDX-License-Identifier: Apache-2.0
// For a scope the calling thread, and the threads and processes that it makes meanwhile, ask the scheduler for short turns
// (sched_setattr's runtime, Linux 6.12; before that it is ignored). Who asks for little gets it soon, also on processors
// that are busy: there each step of the conversion from one thread to the next would wait for a whole turn of others.
// Service threads keep their short turns, threads and children of the program do not get them.
#pragma once
#include <cstdint>

#include "libsuperproc/base/sys.hpp"

namespace sp {

// struct sched_attr as it was at first: policy, nice value, priority, and the length of a turn.
struct Scheduling {
  uint32_t bytes; // 0: not known
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime_ns;
  uint64_t deadline[2];
};

inline Scheduling own_scheduling() {
  Scheduling own{};
  if (sys::call(SYS_sched_getattr, 0, &own, sizeof own, 0) != 0) return {};
  return own;
}

inline void schedule(const Scheduling& wanted) {
  if (wanted.bytes) sys::call(SYS_sched_setattr, 0, &wanted, 0);
}

class Haste {
public:
  Haste() : before_(own_scheduling()) {
    constexpr uint32_t kOrdinary = 0;      // SCHED_OTHER
    constexpr uint64_t kShortNs = 100'000; // the shortest that Linux grants
    Scheduling hasty = before_;
    hasty.runtime_ns = kShortNs;
    if (before_.policy == kOrdinary) schedule(hasty);
  }
  Haste(const Haste&) = delete;
  ~Haste() { schedule(before_); }

private:
  Scheduling before_;
};

} // namespace sp
