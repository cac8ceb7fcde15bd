// SPDX-License-Identifier: Apache-2.0
// Which record a notified thread belongs to, and how a child that was forked without the shim gets one.
//
// The kernel performs fork; nobody can be in the child before it runs. But whatever concerns the shadow passes through here,
// so the child is *adopted* (it gets a record, and the parent's shadow forks one for it) before the next such call of either:
//
//   parent: fork is let pass, the thread is remembered        -> its next notified call, or its exit: adopt what is new
//   child:  its first notified call comes from a stranger     -> adopt it by its parent's record
//
// So the shadow that is forked has the descriptors of the moment of fork. A child that ended before needs none.
#pragma once
#include <cstdint>
#include <optional>
#include <sys/types.h>

#include "libsuperproc/base/ids.hpp"

namespace sp::spd {

// Nothing: it descends from a process that was killed before it could be adopted, or from one with the shim.
std::optional<uint32_t> record_of_thread(NodeId self, pid_t tid);

void expect_child(pid_t tid);                                 // it is about to fork
void adopt_children(NodeId self, uint32_t record, pid_t tid); // if this thread has forked
void adopt_all_children(NodeId self, uint32_t record);        // the process ends

} // namespace sp::spd
