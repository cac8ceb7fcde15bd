// SPDX-License-Identifier: Apache-2.0
// One slot's life. Each arrow is one atomic step, so that a thread which is killed or interrupted by a signal between
// two of them stops nobody: there is no lock.
//
//   free    --claim-->    claimed   source thread: owner_tid 0 -> its tid
//   claimed --fill-->     filled    the same thread, which then pushes the slot's number (ring.hpp)
//   filled  --take-->     taken     the target's agent
//   taken   --begin_finish--> finished, then result, then completion -> done: the responder, or who fences a node
//   done    --release-->  free      the requester after reading the result; nobody waits (abandoned): the responder
//
// What if it dies here?
//   source in claimed, or before release: the slot keeps a dead owner; reclaim_dead() gives it back
//   source in filled or taken: reclaim_dead() makes it an orphan. If it was pushed, it is carried out and freed by its
//     responder; if not, the target finds it while nothing is queued and frees it
//   target in taken or finished: the requester waits until the target's node is fenced: fail_all() completes the slot
#pragma once
#include "gnttab-shm/wire_ring.hpp"
#include "libsuperproc/base/ids.hpp"

namespace sp {

// What the requester keeps. The sequence tells this use of the slot from later ones.
struct Ticket {
  uint32_t slot;
  uint32_t sequence;
};

struct Request {
  uint32_t operation = 0;
  uint32_t subprocess = 0;
  uint32_t flags = 0;
  uint64_t arguments[wire::kSlotArgumentCount] = {};
};

namespace slot {

using wire::Completion;
using wire::Slot;
using wire::SlotPhase;

inline constexpr uint32_t kSequenceMask = 0x1fffffff;

constexpr uint32_t phase_word(uint32_t sequence, SlotPhase phase) {
  return sequence << 3 | static_cast<uint32_t>(phase);
}
constexpr uint32_t completion_word(uint32_t sequence, Completion completion) {
  return (sequence & kSequenceMask) << 2 | static_cast<uint32_t>(completion);
}
constexpr uint32_t sequence_of(uint32_t phase_word) { return phase_word >> 3; }
constexpr SlotPhase phase_of(uint32_t phase_word) { return static_cast<SlotPhase>(phase_word & 7); }
constexpr bool is(uint32_t word, uint32_t sequence, Completion completion) {
  return word == completion_word(sequence, completion);
}

inline bool claim(Slot& s, HostTid self) {
  if (s.owner_tid.load(std::memory_order_relaxed) != 0) return false;
  uint32_t unowned = 0;
  if (!s.owner_tid.compare_exchange_strong(unowned, static_cast<uint32_t>(self.value), std::memory_order_acquire))
    return false;
  const uint32_t sequence = sequence_of(s.phase.load(std::memory_order_relaxed));
  s.phase.store(phase_word(sequence, SlotPhase::claimed), std::memory_order_relaxed);
  return true;
}

// Returns the sequence of the request.
inline uint32_t fill(Slot& s, const Request& request, Completion completion) {
  constexpr auto relaxed = std::memory_order_relaxed;
  const uint32_t sequence = sequence_of(s.phase.load(relaxed));
  s.operation.store(request.operation, relaxed);
  s.subprocess.store(request.subprocess, relaxed);
  s.flags.store(request.flags, relaxed);
  for (uint32_t i = 0; i < wire::kSlotArgumentCount; ++i) s.arguments[i].store(request.arguments[i], relaxed);
  s.completion.store(completion_word(sequence, completion), relaxed);
  s.phase.store(phase_word(sequence, SlotPhase::filled), std::memory_order_release);
  return sequence;
}

// Copies the request; whatever it says is judged on the copy. False if there is no request in this slot.
inline bool take(Slot& s, Request& copy, uint32_t& sequence) {
  constexpr auto relaxed = std::memory_order_relaxed;
  uint32_t word = s.phase.load(std::memory_order_acquire);
  if (phase_of(word) != SlotPhase::filled) return false;
  sequence = sequence_of(word);
  if (!s.phase.compare_exchange_strong(word, phase_word(sequence, SlotPhase::taken), std::memory_order_acquire))
    return false;
  copy.operation = s.operation.load(relaxed);
  copy.subprocess = s.subprocess.load(relaxed);
  copy.flags = s.flags.load(relaxed);
  for (uint32_t i = 0; i < wire::kSlotArgumentCount; ++i) copy.arguments[i] = s.arguments[i].load(relaxed);
  return true;
}

inline void release(Slot& s, uint32_t sequence) {
  s.phase.store(phase_word(sequence + 1, SlotPhase::free), std::memory_order_relaxed);
  s.owner_tid.store(0, std::memory_order_release);
}

// From `from` to finished; exactly one caller succeeds for each request.
inline bool begin_finish(Slot& s, uint32_t sequence, SlotPhase from) {
  uint32_t word = phase_word(sequence & kSequenceMask, from);
  return s.phase.compare_exchange_strong(word, phase_word(sequence, SlotPhase::finished), std::memory_order_acq_rel);
}

// Filled, taken or finished, and still this use of the slot.
inline bool is_under_way(const Slot& s, uint32_t sequence) {
  const uint32_t word = s.phase.load(std::memory_order_relaxed);
  const SlotPhase phase = phase_of(word);
  return sequence_of(word) == (sequence & kSequenceMask) && phase != SlotPhase::free && phase != SlotPhase::claimed;
}

enum class Finish { nobody_sleeps, wake_sleeper, released, too_late };

// The result becomes visible. Says whether the requester sleeps and must be woken.
inline Finish finish(Slot& s, uint32_t sequence, int64_t result) {
  uint32_t word = s.completion.load(std::memory_order_relaxed);
  if (is(word, sequence, Completion::done)) return Finish::too_late; // before the result is touched
  s.result.store(result, std::memory_order_relaxed);
  for (;;) {
    if (is(word, sequence, Completion::abandoned)) {
      release(s, sequence);
      return Finish::released;
    }
    if (!is(word, sequence, Completion::pending) && !is(word, sequence, Completion::slept_on)) return Finish::too_late;
    if (s.completion.compare_exchange_weak(word, completion_word(sequence, Completion::done),
                                           std::memory_order_acq_rel))
      return is(word, sequence, Completion::slept_on) ? Finish::wake_sleeper : Finish::nobody_sleeps;
  }
}

// The requester will not come back. True if the request was already done, so that the caller must release the slot.
inline bool abandon(Slot& s, uint32_t sequence) {
  uint32_t word = s.completion.load(std::memory_order_acquire);
  while (is(word, sequence, Completion::pending) || is(word, sequence, Completion::slept_on))
    if (s.completion.compare_exchange_weak(word, completion_word(sequence, Completion::abandoned),
                                           std::memory_order_acq_rel))
      return false;
  return is(word, sequence, Completion::done);
}

} // namespace slot
} // namespace sp
