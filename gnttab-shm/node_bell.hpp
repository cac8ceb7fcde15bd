// SPDX-License-Identifier: Apache-2.0
// The bell of isolated nodes. Where all have one kernel a word of memory that they have in common is a futex. Where they have
// not, so that its pages have no futexes (gnttab-shm/module), a thread sleeps on a line of its own node's *board*, which the
// word's address says: all have that memory at the same one. A word that is one node's own may go that way as well.
//
// Protocol. The sleeper counts itself in its node's sleepers of the line, reads the line, then the word, then sleeps while
// the line stays; then it takes itself from the count. Who wakes has changed the word before. It raises the line of its own
// node if anybody sleeps there; for each other node that has sleepers of the line it sets the line's bit in its own board's
// `to_ring`, and wakes its node's ringer: the one process that can ring other nodes (spctl/ringer.hpp), which has that node's
// ringer raise the line there. So it may wake too many, who look again, but none is lost.
// Death: of a sleeper: it stays counted, and its line is rung in vain. Of who wakes, before it told the ringer: as with a
// futex it has not woken anybody; after it has set the bit: the ringer looks by itself ten times a second. Of a ringer: its
// node's. What a kernel marks (robust words) rings nobody: who sleeps on such a word says how soon it looks again.
#pragma once
#include "gnttab-shm/bell.hpp"
#include "gnttab-shm/wire_board.hpp"

namespace sp {

struct OwnBoard {
  wire::Board* board = nullptr; // null: futexes
  wire::Sleepers* sleepers = nullptr;
  // The same in residents of one SubProcess, whose globals are one: whose board lies there the board says.
};
extern constinit OwnBoard own_board;

struct NodeBell {
  static long sleep(const volatile uint32_t* word, uint32_t expected, int64_t timeout_ns = -1);
  static long wake(const volatile uint32_t* word, int count);
};
static_assert(Bell<NodeBell>);

// Of a robust word: on a board nobody is rung when a kernel marks it.
inline int64_t look_again_ns(int64_t with_futex) { return own_board.board ? 1'000'000 : with_futex; }

// Wakes who sleeps on these lines of this board.
void ring_lines(wire::Board& board, uint64_t lines);

} // namespace sp
