// SPDX-License-Identifier: Apache-2.0
// Calls on isolated nodes that are not performed where they are made. Those about one thread are made on its node. Those of
// threads away from home: What the kernel keeps for a thread (its signals, its clock, its
// scheduling) and what superproc keeps itself (memory, futexes) is here; descriptors, files, relatives and all else that
// belongs to a process is home's: the thread's stand-in performs such a call there (process/stand_in.hpp).
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"

namespace sp {

// After conversion: dispatch is to see these calls.
void watch_calls_from_away();

// Nothing: the call is performed here.
std::optional<long> perform_elsewhere(Call& call);

} // namespace sp
