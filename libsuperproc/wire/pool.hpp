// SPDX-License-Identifier: Apache-2.0
// Memory that SubProcesses of isolated nodes have in common. Each node has a *pool*, a sparse memfd made with the cluster;
// the keeper of every node holds them all, so that any process of the cluster can map its part (cluster/pool.hpp). A
// *space* is one SubProcess's window in every pool: an address of space s lies at pool_offset(s, address). So nothing is
// allocated inside a space; which pool an address is in is the user's agreement (memory/segments.hpp).
//
// One Space's life; `holders` counts the processes, of whichever node, for whose sake it must not be emptied:
//
//   0 -> 1       exchange by the process that claims it; then it asks its node's spd to watch it (hold_space)
//   n -> n + 1   any process that learns of the space from one that holds it, before that one lets go; then the same
//   n -> n + 1   a node's spd that begins a resident for a SubProcess whose home holds it, until it has reaped the resident
//   n -> n - 1   the spd of a holder's node when it is gone, or the holder itself (let_go_space; let_go_all after exec)
//   1 -> kSpaceEmptying -> 0   whoever is the last: it gives the pages back in between
// What if it dies here? A holder between its exchange and hold_space: the space is lost until the cluster ends, its pages
// too, if there are any; it has none yet. A node: whoever fences it takes away what its processes held (`held`).
#pragma once
#include <atomic>
#include <cstdint>

#include "libsuperproc/base/ids.hpp"

namespace sp::wire {

inline constexpr int kKeeperPools =
    4; // the keeper's descriptor of node 0's pool, node n's is n further; then its board
inline constexpr uint32_t kSpaceCountMax = 1024;
inline constexpr uint64_t kSpaceBytes = 1ull
                                        << 48; // twice the addresses that a program has: the upper half is for ours
inline constexpr uint64_t kPoolBytes = kSpaceCountMax * kSpaceBytes;
inline constexpr uint32_t kSegmentsSpace =
    kSpaceCountMax - 1; // of no SubProcess: System V shared memory (spd/segments.hpp)
inline constexpr uint32_t kSpaceEmptying = ~0u;

// The words by which the residents of a SubProcess with threads on several nodes learn of each other's end: the tid of the
// agent of each, which has it as a robust futex, so that its kernel marks it (kResidentEnded) however it ends. Home also
// marks its own, for the others to end.
inline constexpr uint32_t kResidentEnded = 0x4000'0000; // FUTEX_OWNER_DIED
struct Space {
  std::atomic<uint32_t> residents[kNodeCountMax]; // 0: none (yet)
  std::atomic<uint32_t> ended[kNodeCountMax];     // by the spd of the node: kResidentEnded | wait status; 0: not yet
  std::atomic<uint32_t> holders;
  std::atomic<uint32_t> held[kNodeCountMax]; // of these, by processes of each node
};

constexpr uint64_t pool_offset(uint32_t space, uint64_t address) { return space * kSpaceBytes | address; }

} // namespace sp::wire
