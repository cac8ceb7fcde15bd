// SPDX-License-Identifier: Apache-2.0
// The processes of this node that spd itself has begun: the first program, and bodies of SubProcesses that moved here.
// What becomes of them is reported to whoever stands for them: the launcher, a shadow.
#pragma once
#include <cstdint>

#include "libsuperproc/base/ids.hpp"

namespace sp::spd {

void start_first_program(char** command);

long signal_first_program(int signal); // 0 or -errno

// 0 or -errno. Returns when the program runs, as vfork does.
long start_body(NodeId self, uint32_t record);

// A resident of a SubProcess from elsewhere, under a number of this node's own; its description is in the pool of its home
// node (wire/image.hpp). Its number or -errno.
long start_resident(NodeId self, uint64_t space, uint64_t home, int32_t subprocess);

// The resident of this node that has this thread belongs to that SubProcess: its number; else 0.
int32_t resident_of(int32_t subprocess, int32_t thread);

// 0 or -errno. Returns when there is a process that is rebuilt from the description there (spd/restore.hpp).
long restore_body(NodeId self, uint32_t record);

// As its shadow has stopped, which need not be told.
long stop_body(uint32_t record);

// SIGCHLD is for the reaper alone; before there are threads.
void block_ends();

// Takes the ends, stops and continuations of all children. Returns when none is left but the keeper, if there was a first
// program.
void reap_until_empty(NodeId self);

} // namespace sp::spd
