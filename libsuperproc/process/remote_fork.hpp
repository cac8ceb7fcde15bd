// SPDX-License-Identifier: Apache-2.0
// fork whose child goes on on another node.
//
// The child begins as any child does, beside its parent, which pays nothing for what follows. It is *undecided* until it
// makes a call that shows that it is not about to call exec (syscalls/move_first.hpp). Then it moves itself:
//
//   here   claims a record, asks the spd of the other node for a process, writes a checkpoint of its memory meanwhile
//   there  the process waits for that; the restorer rebuilds the memory and enters it
//   here   says what else it has, meanwhile, and waits
//   there  the body takes that on, says that it has arrived, and returns from the very function that the child has called
//   here   stands by for a moment (process/stand_by.hpp), then becomes the shadow (wire/cluster.hpp)
//
// Which descriptors there are is in the record before anybody is asked, so the body need not wait for its shadow; what it
// asks of it waits in the ring. Who has said what is in the record (wire::Arrival). Whatever speaks against it before the
// body has arrived leaves the child where it is. If the child dies meanwhile, spd ends the body; if the other node or the
// body does, the child stays, or ends as its shadow would.
#pragma once
#include <cstdint>

namespace sp {

// Says that dispatch shall look for the calls that decide, or no longer; set by the shim.
extern void (*undecided)(bool is);

// In a process that is no body, before it forks.
void before_fork();
// In its child. `asked`: the node that was chosen for it, + 1; 0: none was.
void begin_undecided(int32_t asked);

// An undecided child goes on as a process of its own. Returns there, or here.
void decide();
// ... here for good.
void stay();

} // namespace sp
