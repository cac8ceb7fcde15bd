// SPDX-License-Identifier: Apache-2.0
// Which number the kernel of this node gives out next (/proc/sys/kernel/ns_last_pid, which wants CAP_CHECKPOINT_RESTORE in
// the node's namespaces: spd has it). The kernel counts up from there; spd brings it back when the lease is used up.
#pragma once
#include <cstdint>

namespace sp::vpid {

int32_t last_pid(); // given out most recently; 0: not known
// The next process or thread of this node gets the number `pid`, if it is free. False: not permitted.
bool set_next_pid(int32_t pid);

// Goes back to the start of the lease when its end is near; the kernel skips numbers that are in use. Programs fork without
// asking anybody, so somebody must look: often while numbers are given out, seldom on a node where nothing happens.
class LeaseWatch {
public:
  LeaseWatch(int32_t first_pid, int32_t end_pid) : first_(first_pid), end_(end_pid) {}
  void look();
  int64_t interval_ns() const { return interval_ns_; } // until the next look

private:
  static constexpr int64_t kOftenNs = 50'000'000, kSeldomNs = 1'600'000'000;
  int32_t first_, end_, last_ = 0;
  int64_t interval_ns_ = kOftenNs;
};

} // namespace sp::vpid
