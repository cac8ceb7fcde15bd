// SPDX-License-Identifier: Apache-2.0
// Protections of a range on the nodes' kernels.
//
// Arenas and the heap's reserve are mapped read-write on every node from the start. There a record's `applied` names the
// nodes whose kernel has the record's protection; the other nodes' kernels have read-write. A free (or reserved) record's
// protection is PROT_NONE, so `applied` says where the addresses are closed. Everywhere else all kernels have what the
// record says.
//
// What a call promises is there when it returns, on every node. The one exception are fresh PROT_NONE ranges above
// kGuardBytesMax: reservations (a malloc arena's heap, a garbage collector's cage) that are opened piece by piece; closing
// them elsewhere would make every such step wait for all nodes. They are closed on the node that made them, and what
// is left of one between opened pieces is closed everywhere once it is small enough to be a guard (a stack's).
//
// Freed addresses are closed too, so that a stray access faults, but only as long as that takes less than a small share of
// the time: a program that maps and unmaps all day gets its addresses back open.
//
// Rule: requests to other nodes are made with the window's lock held, so an agent never takes a VMA lock, and whatever a
// new thread's node must know about protections is told to it by the thread that changes them, never looked up there.
#pragma once
#include "libsuperproc/memory/windows.hpp"

namespace sp::memory {

inline constexpr int kReadWrite = 3;

// The record of anonymous memory with this protection, as far as `applied` nodes' kernels follow.
VmaAttributes anonymous(int prot, uint16_t applied = 0);

// Sets the kernels' protection of [start, end), whose records are all mapped, and the records. On failure both are as before.
long set_protection(Window& window, uint64_t start, uint64_t end, int prot);

// Free addresses of an arena, closed on these nodes, become anonymous memory. On failure they are free again.
long open_fresh(Window& window, uint64_t start, uint64_t end, int prot, uint16_t closed);
// The nodes on which all of the free addresses are closed; where they are closed in part only, they are opened.
uint16_t closed_nodes(Window& window, uint64_t start, uint64_t end);
// Closes free or reserved addresses on every node, if there is time for it.
void close_free(Window& window, uint64_t start, uint64_t end);
// Closes the guards that are left on either side of a range that has just been opened.
void close_guards_beside(Window& window, uint64_t start, uint64_t end);
// On the nodes named.
uint16_t all_nodes();
long protect_on_nodes(uint16_t nodes, uint64_t start, uint64_t end, int prot);

} // namespace sp::memory
