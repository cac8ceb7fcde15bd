// SPDX-License-Identifier: Apache-2.0
// From one native process to a SubProcess that spans nodes, at its first thread creation.
//
//   the program's thread      reaper (new thread, own descriptor table)     home agent (new)       residents (new)
//   starts the reaper, sleeps
//                             creates the segments, moves the memory
//   takes over the signals
//   starts the agent, sleeps
//                                                                           forks a resident
//                                                                           for each other node
//                                                                                                  serve their queues
//   tells the reaper, goes on
//                             waits for a resident's death                  serves its queue
//
// A resident is made here by fork, since the `embedded` backend shares descriptors and PIDs; make_resident() is the place
// where a backend with another kernel has its loader rebuild the address space instead. The program's thread sleeps on a
// word of the node's own region: its stack and the control segment are mapped anew meanwhile.
// If this fails the process cannot go on (its memory may be half moved): it says why and ends with status 125.
#pragma once

namespace sp {

void convert(); // the process has one thread, state native
// The same unless its threads must stay on its node, which is then its only one.
void convert_if_possible();

// Called at its end: dispatch wants to see more calls from now on. Set by the shim.
extern void (*conversion_done)();

} // namespace sp
