// SPDX-License-Identifier: Apache-2.0
// Until when a wait lasts, on the clock that the program has named.
#pragma once
#include <cstdint>
#include <ctime>

#include "libsuperproc/base/sys.hpp"

namespace sp {

inline constexpr int64_t kSecondNs = 1'000'000'000;

class Deadline {
public:
  Deadline() = default; // never
  static Deadline at(clockid_t clock, const timespec& time) { return Deadline(clock, in_ns(time)); }
  static Deadline after(int64_t ns) {
    const int64_t now = now_on(CLOCK_MONOTONIC);
    return Deadline(CLOCK_MONOTONIC, ns > kNever - now ? kNever : now + ns);
  }
  static Deadline after(const timespec& time) { return after(in_ns(time)); }

  bool is_set() const { return until_ns_ >= 0; }
  // At most `most_ns`, so that the clock can be set meanwhile; 0: it is now; negative: for ever.
  int64_t left_ns() const {
    if (!is_set()) return -1;
    constexpr int64_t kMostNs = kSecondNs;
    const int64_t left = until_ns_ - now_on(clock_);
    return left <= 0 ? 0 : left < kMostNs ? left : kMostNs;
  }

private:
  static constexpr int64_t kNever = INT64_MAX;

  Deadline(clockid_t clock, int64_t until_ns) : clock_(clock), until_ns_(until_ns) {}
  static int64_t in_ns(const timespec& time) {
    return time.tv_sec >= kNever / kSecondNs ? kNever : time.tv_sec * kSecondNs + time.tv_nsec;
  }
  static int64_t now_on(clockid_t clock) {
    timespec now{};
    sys::call(SYS_clock_gettime, clock, &now);
    return now.tv_sec * kSecondNs + now.tv_nsec;
  }

  clockid_t clock_ = CLOCK_MONOTONIC;
  int64_t until_ns_ = -1;
};

} // namespace sp
