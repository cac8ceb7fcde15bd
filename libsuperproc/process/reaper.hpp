// SPDX-License-Identifier: Apache-2.0
// The reaper: a thread at home with a descriptor table of its own. It moves the memory at conversion, keeps the segments'
// descriptors for the life of the SubProcess (so the program's table holds nothing of ours, and nothing is left when it
// ends), and waits for a resident to die: then the whole SubProcess ends as that resident did, which is what a native
// program does when one of its threads gets a fatal signal.
#pragma once
#include "libsuperproc/base/result.hpp"

namespace sp {

Result<> start_reaper();
Result<> await_conversion(); // ENOSPC: the nodes' pools are full
void watch_residents();      // they exist now

} // namespace sp
