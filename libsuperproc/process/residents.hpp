// SPDX-License-Identifier: Apache-2.0
// The residents on isolated nodes: processes that other nodes' spds rebuild from a description (wire/image.hpp), since
// nothing can be forked across kernels. Each node's agent is the first thread of its resident.
//
// Who dies when (the words in wire::Space): each agent's kernel marks its word however its process ends. In each resident
// a thread sleeps on home's word and ends the resident with it; home's reaper sleeps on the words of the others and ends
// the SubProcess when one of them ends by itself, as by SIGKILL: what else may end a thread is reported before.
#pragma once
#include <cstdint>

#include "libsuperproc/base/result.hpp"
#include "libsuperproc/cluster/self.hpp"

namespace sp {

// Before conversion: why this process's threads must stay on its node; null: they need not.
const char* obstacle_to_residents();

// By home's agent, before it serves: describes this process and has a resident begun on every other node.
Result<> make_isolated_residents();

// What an agent does for all to know of it; `become_agent` goes on in a resident's first thread.
void announce_life();
extern void (*become_agent)(NodeId node);

// By the reaper: returns when a resident has ended, with its status as wait4 gives it.
int await_isolated_death();
// Has one ended before it began to serve?
bool any_resident_failed();
// By who ends the SubProcess: all residents but this one end, and have ended when it returns, unless their nodes hang.
void end_isolated_residents();

} // namespace sp
