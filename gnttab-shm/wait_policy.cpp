// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/wait_policy.hpp"

namespace sp {

static uint64_t monotonic_ns() {
  timespec now{};
  constexpr int kClockMonotonicRaw = 4;
  sys::call(SYS_clock_gettime, kClockMonotonicRaw, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t measure_cycles_per_us() {
  constexpr uint64_t kMeasureNs = 100'000;
  const uint64_t start_ns = monotonic_ns(), start_cycles = sys::cycles();
  uint64_t end_ns, end_cycles;
  do {
    end_ns = monotonic_ns();
    end_cycles = sys::cycles();
  } while (end_ns - start_ns < kMeasureNs);
  const uint64_t per_us = (end_cycles - start_cycles) * 1000 / (end_ns - start_ns);
  return per_us ? per_us : kCyclesPerUsDefault; // a counter that stands still tells nothing
}

} // namespace sp
