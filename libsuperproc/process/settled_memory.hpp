// SPDX-License-Identifier: Apache-2.0
// Large memory of a process whose fork's children move. Each of them copies what it has to itself, which is all that its
// parent had, into a checkpoint. So a parent whose children have copied much *settles* before its next fork: its large
// private memory goes once into a segment of its node's pool, and it maps that copy-on-write, as its children do on whichever
// node. From then on a checkpoint holds only pages that were changed since, and the nodes share one copy of the others.
//
//   told by      a child, on its parent's account (wire/accounts.hpp), when it has written a large checkpoint
//   done by      the parent, in fork, while it has one thread; all of it anew when its children have again copied half as much
//   counted by   the kernel, as all segments of process/shared_mapping.hpp, by a witness that a child inherits; but one
//                that moves is a holder by its number, since its witness goes when it becomes its shadow
//
// What if it dies here? Nothing else knows of memory that is being settled; the segment goes with its witness.
// To the program it is anonymous memory: calls that would show otherwise make it so again (memory/pool_pages.hpp).
#pragma once
#include <cstdint>

namespace sp {

// In a fork's child of `parent` that has written so large a checkpoint.
void tell_copied(int32_t parent, uint64_t bytes);

// Before a fork.
void settle_if_worthwhile();

// In a process that does not keep its witnesses. 0, or -errno: it may lose what it has settled.
long hold_settled_memory();
bool has_settled_memory();

// Before memory is rearranged as a whole: it becomes anonymous.
void unsettle();

} // namespace sp
