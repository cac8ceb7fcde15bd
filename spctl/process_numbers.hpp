// SPDX-License-Identifier: Apache-2.0
// Processes of an isolated node have a number of their own there, which they know themselves by and which their control
// segment names, and another one out here. Both are in /proc, for whoever asks.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sp::spctl {

struct Numbers {
  int32_t outside; // as our /proc has it
  int32_t inside;  // as it has itself; the same where it lives in our namespace
  uint64_t space;  // its pid namespace, 0: ours, or one that may not be looked at
};

class NumberTable {
public:
  static NumberTable read(); // of all processes

  const std::vector<Numbers>& all() const { return all_; } // by the number outside
  Numbers of(int32_t outside) const;
  int32_t outside(uint64_t space, int32_t inside) const; // 0: there is none

private:
  std::vector<Numbers> all_;
};

// A thread's number out here; 0: there is none.
int32_t thread_outside(int32_t process, uint64_t space, int32_t inside);

// The last number of the line "NSpid:" in /proc/PID/status, and whether it is the only one.
struct InnermostNumber {
  int32_t number;
  bool nested;
};
InnermostNumber innermost_number(const std::string& status, int32_t otherwise);

} // namespace sp::spctl
