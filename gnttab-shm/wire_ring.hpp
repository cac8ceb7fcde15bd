// SPDX-License-Identifier: Apache-2.0
// The ring between one source node and one target node, as it lies in shared memory. Behaviour is in slot.hpp (one
// slot's life) and ring.hpp (many slots); here is only who may write what. All positions are slot numbers, so the ring
// may be mapped at different addresses. Every field is an atomic because the other side may change it at any moment:
// a reader loads each field once, into its own copy, and judges the copy.
//
//   RingHeader | Slot[slot_count] | order[slot_count] (u32, written and read by the target only)
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace sp::wire {

inline constexpr uint64_t kRingMagic = 0x31676e6972637073; // "spcring1"
inline constexpr uint32_t kRingVersion = 1;
inline constexpr uint32_t kSlotCountMax = 1024;
inline constexpr uint32_t kSlotArgumentCount = 8;

enum class SlotPhase : uint32_t { free = 0, claimed = 1, filled = 2, taken = 3, finished = 4 };
enum class Completion : uint32_t { pending = 0, slept_on = 1, done = 2, abandoned = 3 };

// In owner_tid: the owner died; who completes the request frees the slot, or the target if it was never pushed.
inline constexpr uint32_t kOrphan = 0xffffffff;

// Two cache lines. Words that carry a sequence change it at every reuse of the slot, so that nobody who comes too late
// (a responder after a fence, a futex sleeper) can mistake a new request for the one that he knew.
struct alignas(128) Slot {
  std::atomic<uint32_t> phase;      // sequence << 3 | SlotPhase
  std::atomic<uint32_t> owner_tid;  // the requesting thread, 0: free to claim
  std::atomic<uint32_t> next;       // the request pushed before this one, slot number + 1; 0: none
  std::atomic<uint32_t> operation;  // what is asked for; the bound is the target's business
  std::atomic<uint32_t> subprocess; // who is meant on the target node
  std::atomic<uint32_t> flags;      // free for the operation's use
  std::atomic<uint64_t> arguments[kSlotArgumentCount];
  std::atomic<int64_t> result;      // the target's answer; negative: -errno
  std::atomic<uint32_t> completion; // sequence << 2 | Completion; the futex word the requester sleeps on
  uint32_t reserved[7];
};
static_assert(sizeof(Slot) == 128 && std::is_standard_layout_v<Slot>);
static_assert(offsetof(Slot, arguments) == 24 && offsetof(Slot, result) == 88 && offsetof(Slot, completion) == 96);

struct RingHeader {
  // Written once, before anybody else knows the ring.
  uint64_t magic;
  uint32_t version;
  uint32_t slot_count;
  uint32_t source; // node that asks
  uint32_t target; // node that answers
  uint64_t bytes;  // of the whole ring
  uint32_t reserved[8];

  // The newest pushed request, slot number + 1. Source pushes, target takes all.
  alignas(64) std::atomic<uint32_t> newest;

  // Written by whoever fences one of the two nodes; read at each submission.
  alignas(64) std::atomic<int32_t> fenced_errno;

  // Written by threads of the source.
  alignas(64) std::atomic<uint32_t> space; // futex word: threads that found no free slot sleep here; odd: somebody does
  std::atomic<uint32_t> orphan_count;      // slots marked kOrphan since the target looked last
  std::atomic<uint64_t> full_count;        // submissions that found no free slot
  std::atomic<uint64_t> reclaimed_count;   // slots taken back from threads that died

  // Written by the target's agent.
  alignas(64) std::atomic<uint32_t> order_count; // entries of order[] not yet taken, the oldest last
  std::atomic<uint32_t> reserved_target;
  std::atomic<uint64_t> taken_count;
  std::atomic<uint64_t> malformed_count; // what was dropped because it could not be true
  alignas(128) char end[0];
};
static_assert(sizeof(RingHeader) == 384 && std::is_standard_layout_v<RingHeader>);
static_assert(offsetof(RingHeader, newest) == 64 && offsetof(RingHeader, fenced_errno) == 128);
static_assert(offsetof(RingHeader, space) == 192 && offsetof(RingHeader, order_count) == 256);
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

constexpr uint64_t ring_bytes(uint32_t slot_count) {
  return (sizeof(RingHeader) + slot_count * (sizeof(Slot) + sizeof(uint32_t)) + 127) / 128 * 128;
}

} // namespace sp::wire
