// SPDX-License-Identifier: Apache-2.0
// Calls before which a fork's child that is undecided (process/remote_fork.hpp) moves to another node. Between fork and exec
// children close and open files, set signals, groups and limits, and fork; one that reads or writes, waits, maps memory,
// or has timers or sockets made goes on as it is. It stays for good when it maps an inherited file, or sends or receives
// descriptors, which a moved one cannot.
#pragma once
#include "libsuperproc/syscalls/call.hpp"
#include "libsuperproc/syscalls/interest.hpp"

namespace sp {

// Sets or clears the interest in these calls.
void move_first(bool is_undecided);

inline bool decides(long number) {
  return static_cast<unsigned long>(number) < kInterestCount && (sp_interest[number].bits & kInterestDecides);
}
void decide_before(const Call& call);

} // namespace sp
