// SPDX-License-Identifier: Apache-2.0
// The contents of a pipe between two bodies, in the cluster's memory instead of the first node's kernel.
//
// The kernel's pipe stays as the *witness*: who holds which end, EOF, EPIPE, its number and its readiness are that kernel's
// affair, through the shadows. A ring is only for what is in the pipe, and only while each of its ends is one descriptor of
// one shadow, of two bodies with the shim and one thread each. So it has one reader and one writer, and needs no lock.
// A pair of stream sockets (unix(7)) is two pipes, one for each direction: each becomes a ring, or does not, by itself.
// All that either side does is an exchange of one word; the spd of the first node, which serves one request at a time,
// does all else. That one decides and is believed by the shadows; bodies copy the word and check it.
//
//   kernel  -> made     spd, asked by the shadow of one end's body, when it finds nobody else who holds the pipe
//   made    -> offered  spd, asked by the other's
//   offered -> filling  spd, asked by the reader's, while the writer is not in the kernel's pipe (`busy`)
//   filling -> ring     spd, when it has moved what was in the kernel's pipe to the ring
//   ring    -> closing  spd, asked by a shadow that is about to do anything to the descriptor but what is said below
//   closing -> kernel   spd, when it has moved what was in the ring to the kernel's pipe, which has room for as much
//   made, offered -> kernel   spd, as from ring
//
// In `ring` the kernel's pipe is empty, in all other states but filling and closing the ring is. Of `offered` the writer sets
// `busy` before each write to the kernel's pipe and clears it after; the reader sets `wanted` to have the writer hold off for
// a moment. In `ring` the writer moves the tail, when it has copied, and the reader the head; either fails if the state
// has changed, and then nothing was transferred. Who has to wait spins, then sleeps until it is poked, or until the
// witness says that the other end is closed; after a while it has the ring closed and waits in the kernel.
//
// What is in a pair's queue can be moved only if it passes no descriptors and is not more than the ring's; else the reader
// takes it from there. spd keeps both sockets open as long as there is a ring: what a shadow has sent that was killed is put
// into its peer's queue by its own socket, and only then does that one close (with ECONNRESET if it has not read all).
//
// Closed, duplicated, inherited, passed on, polled or ended: a shadow has the ring closed *before* it does that. So whoever
// sees anything of it finds the kernel's pipe as if there had been no ring.
// What if it dies here? A body at any step: what it has not published was not transferred; its shadow, before it ends, has
// the ring closed. A shadow: spd has the ring closed when it sees that. spd: the first node's death ends the cluster. A node:
// its bodies' shadows end as theirs. A writer that copies may not know yet that its ring is closed, so nobody else gets the
// ring until the writer has left it, too, or is over.
#pragma once
#include <atomic>
#include <cstdint>
#include <type_traits>

namespace sp::wire {

// What a body wants of its shadow for a descriptor.
enum class PipeWish : uint64_t { leave = 0, read = 1, write = 2 };

enum class PipeState : uint32_t { kernel = 0, made = 1, offered = 2, filling = 3, ring = 4, closing = 5 };

inline constexpr uint32_t kPipeRingBytes = 64 << 10; // as a pipe has by default: others get no ring
inline constexpr uint64_t kPipePositions = 2 * kPipeRingBytes;
inline constexpr uint32_t kPipeRingCount = 63;
inline constexpr uint32_t kPipeEndsMax = 256; // descriptors from this number on get none

// state 3 | busy 1 | wanted 1 | use 25 | head 17 | tail 17
struct PipeWord {
  uint64_t bits;

  PipeState state() const { return static_cast<PipeState>(bits & 7); }
  bool busy() const { return bits & kBusy; }
  bool wanted() const { return bits & kWanted; }
  uint32_t use() const { return static_cast<uint32_t>(bits >> 5 & kUses); }
  uint32_t head() const { return static_cast<uint32_t>(bits >> 30 & (kPipePositions - 1)); }
  uint32_t tail() const { return static_cast<uint32_t>(bits >> 47); }
  uint32_t used() const { return (tail() - head()) & static_cast<uint32_t>(kPipePositions - 1); }
  bool is_possible() const { return used() <= kPipeRingBytes; } // else overwritten

  static constexpr uint64_t kBusy = 8, kWanted = 16;
  static constexpr uint32_t kUses = (1u << 25) - 1;
  static PipeWord of(PipeState state, uint32_t use, uint32_t head = 0, uint32_t tail = 0) {
    return {static_cast<uint64_t>(state) | static_cast<uint64_t>(use & kUses) << 5 |
            static_cast<uint64_t>(head & (kPipePositions - 1)) << 30 |
            static_cast<uint64_t>(tail & (kPipePositions - 1)) << 47};
  }
};

// Where bytes from a position on lie in the contents: `first` at `at`, `rest` at their begin.
struct PipePieces {
  uint32_t at, first, rest;

  static PipePieces of(uint32_t position, uint32_t bytes) {
    const uint32_t at = position % kPipeRingBytes, end = kPipeRingBytes - at;
    return {at, bytes < end ? bytes : end, bytes < end ? 0 : bytes - end};
  }
};

struct alignas(4096) PipeRing {
  std::atomic<uint64_t> word; // PipeWord
  // Who sleeps: (record + 1) << 32 | thread, 0: nobody. Taken away by who pokes.
  alignas(64) std::atomic<uint64_t> reader_sleeps;
  alignas(64) std::atomic<uint64_t> writer_sleeps;
};
static_assert(std::is_standard_layout_v<PipeRing> && sizeof(PipeRing) == 4096);

// What a record says of a descriptor, and spd answers: 0, or which ring, its use and which end.
struct PipeEnd {
  uint32_t bits;

  explicit operator bool() const { return (bits & 63) != 0; }
  uint32_t ring() const { return (bits & 63) - 1; }
  uint32_t use() const { return bits >> 6 & PipeWord::kUses; }
  bool writes() const { return bits >> 31; }
  static PipeEnd of(uint32_t ring, uint32_t use, bool writes) {
    return {(ring + 1) | (use & PipeWord::kUses) << 6 | static_cast<uint32_t>(writes) << 31};
  }
};
static_assert(kPipeRingCount + 1 <= 64);

} // namespace sp::wire
