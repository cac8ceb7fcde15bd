// SPDX-License-Identifier: Apache-2.0
// Time of events, which are stamped with the time stamp counter: what it was when we began, and how fast it runs.
#pragma once
#include <cstdint>

namespace sp::spctl {

class TraceClock {
public:
  TraceClock(); // takes some milliseconds
  void look();  // again: the longer ago the first look, the better the speed is known

  int64_t wall_ns(uint64_t cycles) const; // since 1970
  int64_t duration_ns(uint64_t cycles) const;

private:
  uint64_t first_cycles_;
  int64_t first_ns_;
  int64_t wall_offset_ns_;
  double ns_per_cycle_ = 1;
};

} // namespace sp::spctl
