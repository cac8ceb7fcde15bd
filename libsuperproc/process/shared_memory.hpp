// SPDX-License-Identifier: Apache-2.0
// System V shared memory of isolated nodes. The first node's kernel has the segments: keys, numbers, permissions, who is
// attached, when the last one has gone. What they hold lies in that node's pool (wire/pool.hpp), which every node can map;
// its spd gives each segment a place there (spd/segments.hpp) and empties that when the segment is gone.
//
// So a process attaches twice: really, in its shadow, or in itself if it has none, at an address of no importance: this
// *witness* is what the kernel counts, a fork's child inherits, and the end of the process takes away; and the pool's
// memory where the program wants it. The witness is there before the memory and goes after it.
// A fork's child that moves loses its witnesses when it becomes the shadow, which attaches them again: a segment that is
// removed and that all others leave in between is emptied under it.
#pragma once
#include "libsuperproc/base/ids.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace sp {

// As shmat(2) and shmdt(2), in a process of an isolated cluster with threads on one node only.
long attach_segment(uint64_t id, uint64_t address, int flags);
long detach_segment(uint64_t address);

// A segment may be gone now.
void segments_change();

// A fork's child has arrived on another node.
void attach_witnesses();

// ---- for all kinds of shared memory ----

NodeId segments_node();
// By the spd of that node; -errno.
long ask_for_segment(wire::NodeOperation operation, uint64_t number = 0, uint64_t what = 0, uint64_t third = 0);
// Where the kernel has put it; -errno.
long attach_witness(int32_t id, int flags);
void detach_witness(uint64_t witness);
// The node's pool, to be closed; -errno.
long open_segments(bool reads_only);

} // namespace sp
