// SPDX-License-Identifier: Apache-2.0
// See trace_clock.hpp.
#include "spctl/trace_clock.hpp"

#include <ctime>

#include "libsuperproc/base/sys.hpp"

namespace sp::spctl {
namespace {

int64_t now_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

} // namespace

TraceClock::TraceClock()
    : first_cycles_(sys::cycles()), first_ns_(now_ns(CLOCK_MONOTONIC)),
      wall_offset_ns_(now_ns(CLOCK_REALTIME) - first_ns_) {
  constexpr timespec kWhile{0, 10'000'000};
  nanosleep(&kWhile, nullptr);
  look();
}

void TraceClock::look() {
  const auto cycles = static_cast<double>(sys::cycles() - first_cycles_);
  if (cycles > 0) ns_per_cycle_ = static_cast<double>(now_ns(CLOCK_MONOTONIC) - first_ns_) / cycles;
}

int64_t TraceClock::wall_ns(uint64_t cycles) const {
  const auto since = static_cast<int64_t>(cycles - first_cycles_); // before the first look as well
  return wall_offset_ns_ + first_ns_ + static_cast<int64_t>(static_cast<double>(since) * ns_per_cycle_);
}

int64_t TraceClock::duration_ns(uint64_t cycles) const {
  return static_cast<int64_t>(static_cast<double>(cycles) * ns_per_cycle_);
}

} // namespace sp::spctl
