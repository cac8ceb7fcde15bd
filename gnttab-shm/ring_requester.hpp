// SPDX-License-Identifier: Apache-2.0
// The source node's half of a ring: submit, wait, give back. Included by ring.hpp.
#pragma once
#include "gnttab-shm/ring.hpp"

namespace sp {

// A thread looks for a free slot at a place of its own first: threads do not meet, and a thread that asks one thing
// after the other finds its slot still in its cache.
template <Bell B>
wire::Slot* BasicRing<B>::claim(HostTid self) {
  uint32_t at = static_cast<uint32_t>(self.value) % slot_count_;
  for (uint32_t i = 0; i < slot_count_; ++i) {
    if (slot::claim(slots()[at], self)) return &slots()[at];
    if (++at == slot_count_) at = 0;
  }
  return nullptr;
}

template <Bell B>
void BasicRing<B>::push(wire::Slot& s) {
  const uint32_t number = static_cast<uint32_t>(&s - slots()) + 1;
  uint32_t before = header_->newest.load(std::memory_order_relaxed);
  do s.next.store(before, std::memory_order_relaxed);
  while (!header_->newest.compare_exchange_weak(before, number, std::memory_order_seq_cst, std::memory_order_relaxed));
}

template <Bell B>
Result<Ticket> BasicRing<B>::submit(const Request& request, HostTid self, Reply reply) {
  if (const int fenced = header_->fenced_errno.load(std::memory_order_relaxed)) return fail(fenced);
  wire::Slot* s = claim(self);
  if (!s) {
    header_->full_count.fetch_add(1, std::memory_order_relaxed);
    return fail(EAGAIN);
  }
  using wire::Completion;
  const uint32_t sequence =
      slot::fill(*s, request, reply == Reply::awaited ? Completion::pending : Completion::abandoned);
  push(*s);
  // Either fail_all() sees this request, or we see its errno: push and fenced_errno are sequentially consistent.
  if (const int fenced = header_->fenced_errno.load(std::memory_order_seq_cst)) [[unlikely]]
    if (slot::begin_finish(*s, sequence, wire::SlotPhase::filled)) finish(*s, sequence, -fenced);
  return Ticket{static_cast<uint32_t>(s - slots()), sequence};
}

template <Bell B>
void BasicRing<B>::release(wire::Slot& s, uint32_t sequence) {
  slot::release(s, sequence);
  announce_space();
}

// A thread that marks the word odd just after this load sleeps for its short timeout: full rings are rare enough.
template <Bell B>
void BasicRing<B>::announce_space() {
  const uint32_t space = header_->space.load(std::memory_order_relaxed);
  if (!(space & 1)) return;
  header_->space.store(space + 1, std::memory_order_seq_cst);
  B::wake(futex_word(header_->space), 0x7fffffff);
}

template <Bell B>
void BasicRing<B>::wait_for_space() {
  constexpr int64_t kSpaceWaitNs = 2'000'000;
  const uint32_t space = header_->space.fetch_or(1, std::memory_order_seq_cst) | 1;
  B::sleep(futex_word(header_->space), space, kSpaceWaitNs);
}

template <Bell B>
bool BasicRing<B>::is_done(Ticket ticket) const {
  if (ticket.slot >= slot_count_) return false;
  return slot::is(slots()[ticket.slot].completion.load(std::memory_order_acquire), ticket.sequence,
                  wire::Completion::done);
}

template <Bell B>
Result<int64_t> BasicRing<B>::wait(Ticket ticket, const Waiting& waiting) {
  return wait_for(ticket, waiting, Signals::ignored, nullptr);
}

template <Bell B>
Result<int64_t> BasicRing<B>::wait_interruptible(Ticket ticket, const Waiting& waiting,
                                                 const std::atomic<uint32_t>* interrupted) {
  return wait_for(ticket, waiting, Signals::end_the_wait, interrupted);
}

// Nobody wakes a sleeper whose slot was overwritten: it looks from time to time.
template <Bell B>
Result<int64_t> BasicRing<B>::wait_for(Ticket ticket, const Waiting& waiting, Signals signals,
                                       const std::atomic<uint32_t>* flag) {
  using wire::Completion;
  constexpr int64_t kLookAgainNs = 1'000'000'000;
  if (ticket.slot >= slot_count_) return fail(EINVAL);
  wire::Slot& s = slots()[ticket.slot];
  Patience patience(waiting.policy, waiting.peer_cpu);
  for (;;) {
    uint32_t word = s.completion.load(std::memory_order_acquire);
    if (slot::is(word, ticket.sequence, Completion::done)) {
      const int64_t result = s.result.load(std::memory_order_relaxed);
      release(s, ticket.sequence);
      return result;
    }
    const uint32_t slept_on = slot::completion_word(ticket.sequence, Completion::slept_on);
    if (!slot::is(word, ticket.sequence, Completion::pending) && word != slept_on) return fail(EPROTO);
    if (flag && flag->load(std::memory_order_relaxed)) return fail(EINTR);
    if (patience.pass() == Patience::Next::look_again) continue;
    if (word != slept_on && !s.completion.compare_exchange_strong(word, slept_on, std::memory_order_acq_rel)) continue;
    const bool for_ever = waiting.timeout_ns < 0;
    const long slept = B::sleep(futex_word(s.completion), slept_on, for_ever ? kLookAgainNs : waiting.timeout_ns);
    if (is_done(ticket)) continue;
    if (for_ever && slept == -ETIMEDOUT) {
      if (!slot::is_under_way(s, ticket.sequence)) return fail(EPROTO);
      continue;
    }
    if (slept == -EINTR && signals == Signals::end_the_wait) return fail(EINTR);
    if (slept == -ETIMEDOUT || slept == -ENOSYS) return fail(static_cast<int>(-slept));
  }
}

template <Bell B>
void BasicRing<B>::abandon(Ticket ticket) {
  if (ticket.slot >= slot_count_) return;
  wire::Slot& s = slots()[ticket.slot];
  if (slot::abandon(s, ticket.sequence)) release(s, ticket.sequence);
}

// Several threads may sweep at once: who replaces the dead owner decides. Nobody can tell whether a thread that died
// after filling its slot had pushed it; such a slot is left to the target, which knows what is queued.
template <Bell B>
bool BasicRing<B>::reclaim_one(wire::Slot& s, HostTid dead) {
  using wire::SlotPhase;
  uint32_t owner = static_cast<uint32_t>(dead.value);
  if (!s.owner_tid.compare_exchange_strong(owner, wire::kOrphan, std::memory_order_acq_rel)) return false;
  const uint32_t word = s.phase.load(std::memory_order_acquire);
  const uint32_t sequence = slot::sequence_of(word);
  const SlotPhase phase = slot::phase_of(word);
  if (phase == SlotPhase::free || phase == SlotPhase::claimed || slot::abandon(s, sequence)) {
    release(s, sequence);
    return true;
  }
  header_->orphan_count.fetch_add(1, std::memory_order_release);
  return false;
}

template <Bell B>
uint32_t BasicRing<B>::reclaim_dead() {
  constexpr uint32_t kTidMax = 4 << 20; // the kernel's PID_MAX_LIMIT: whoever has a higher one never lived
  uint32_t count = 0;
  for (uint32_t i = 0; i < slot_count_; ++i) {
    const uint32_t seen = slots()[i].owner_tid.load(std::memory_order_relaxed);
    const auto owner = static_cast<int32_t>(seen);
    if (seen == 0 || seen == wire::kOrphan) continue;
    if (seen <= kTidMax && sys::call(SYS_tkill, owner, 0) != -ESRCH) continue;
    if (reclaim_one(slots()[i], HostTid{owner})) ++count;
  }
  header_->reclaimed_count.fetch_add(count, std::memory_order_relaxed);
  return count;
}

} // namespace sp
