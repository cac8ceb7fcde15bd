// SPDX-License-Identifier: Apache-2.0
// The kernel gives a child and the next program the processors of the thread that makes them: a node's, in a converted process.
// While this lives the calling thread has all that the program was given, unless it chose some itself. A borrower has them
// from its start, and what it may have chosen since.
#pragma once
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/placement.hpp"

namespace sp {

class AllProcessors {
public:
  AllProcessors() : active_(is_kept_to_node()) {
    if (active_) sys::call(SYS_sched_setaffinity, 0, sizeof(wire::CpuMask), &control().logical_cpus);
  }
  AllProcessors(const AllProcessors&) = delete;
  ~AllProcessors() {
    if (active_ && !has_chosen()) stay_on(this_node());
  }

private:
  static bool has_chosen() { return thread_self.record->flags.load() & wire::kThreadAffinitySet; }
  static bool is_kept_to_node() {
    return is_shared() && at_home() && !is_borrower() && thread_self.record && !has_chosen();
  }
  bool active_;
};

} // namespace sp
