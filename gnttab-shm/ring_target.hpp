// SPDX-License-Identifier: Apache-2.0
// The target node's half of a ring, and the fence. Included by ring.hpp. Everything here reads what another node wrote:
// each number is copied, then bounded, and a chain of links is never followed further than there are slots.
#pragma once
#include "gnttab-shm/ring.hpp"

namespace sp {

template <Bell B>
Result<BasicRing<B>> BasicRing<B>::create(void* memory, uint64_t bytes, NodeId source, NodeId target,
                                          uint32_t slot_count) {
  if (slot_count == 0 || slot_count > wire::kSlotCountMax || bytes < wire::ring_bytes(slot_count)) return fail(EINVAL);
  if (reinterpret_cast<uintptr_t>(memory) % alignof(wire::Slot)) return fail(EINVAL);
  if (source.value >= kNodeCountMax || target.value >= kNodeCountMax) return fail(EINVAL);
  auto* words = static_cast<volatile uint64_t*>(memory);
  for (uint64_t i = 0; i < wire::ring_bytes(slot_count) / sizeof(uint64_t); ++i) words[i] = 0;
  auto* header = static_cast<wire::RingHeader*>(memory);
  header->version = wire::kRingVersion;
  header->slot_count = slot_count;
  header->source = source.value;
  header->target = target.value;
  header->bytes = wire::ring_bytes(slot_count);
  std::atomic_thread_fence(std::memory_order_release);
  header->magic = wire::kRingMagic;
  return BasicRing(header, slot_count);
}

template <Bell B>
Result<BasicRing<B>> BasicRing<B>::open(void* memory, uint64_t bytes) {
  if (bytes < sizeof(wire::RingHeader) || reinterpret_cast<uintptr_t>(memory) % alignof(wire::Slot))
    return fail(EINVAL);
  auto* header = static_cast<wire::RingHeader*>(memory);
  const auto* seen = static_cast<const volatile wire::RingHeader*>(header);
  const uint32_t slot_count = seen->slot_count, source = seen->source, target = seen->target;
  if (seen->magic != wire::kRingMagic || seen->version != wire::kRingVersion) return fail(EPROTO);
  if (slot_count == 0 || slot_count > wire::kSlotCountMax || bytes < wire::ring_bytes(slot_count)) return fail(EPROTO);
  if (source >= kNodeCountMax || target >= kNodeCountMax) return fail(EPROTO);
  return BasicRing(header, slot_count);
}

// The newest request comes first in the chain and last out of order[].
template <Bell B>
void BasicRing<B>::collect_newest() {
  if (header_->newest.load(std::memory_order_relaxed) == 0) return;
  uint32_t link = header_->newest.exchange(0, std::memory_order_acquire);
  uint32_t count = 0;
  while (link != 0 && count < slot_count_) {
    if (link > slot_count_) {
      header_->malformed_count.fetch_add(1, std::memory_order_relaxed);
      break;
    }
    order()[count++].store(link - 1, std::memory_order_relaxed);
    link = slots()[link - 1].next.load(std::memory_order_relaxed);
  }
  header_->order_count.store(count, std::memory_order_relaxed);
}

// An orphan that is filled while nothing at all is queued was never pushed: its owner died first. What the owner did
// push is in the chain by now, because it died before it was marked, and it was marked before we look.
template <Bell B>
void BasicRing<B>::free_orphans() {
  if (header_->order_count.load(std::memory_order_relaxed) != 0) return; // later, when all of those are taken
  header_->orphan_count.exchange(0, std::memory_order_acquire);
  collect_newest();
  if (header_->order_count.load(std::memory_order_relaxed) != 0) {
    header_->orphan_count.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  for (uint32_t i = 0; i < slot_count_; ++i) {
    wire::Slot& s = slots()[i];
    if (s.owner_tid.load(std::memory_order_acquire) != wire::kOrphan) continue;
    const uint32_t sequence = slot::sequence_of(s.phase.load(std::memory_order_relaxed));
    if (!slot::begin_finish(s, sequence, wire::SlotPhase::filled)) continue;
    release(s, sequence);
    header_->reclaimed_count.fetch_add(1, std::memory_order_relaxed);
  }
}

template <Bell B>
std::optional<TakenRequest> BasicRing<B>::take() {
  uint32_t count = header_->order_count.load(std::memory_order_relaxed);
  if (count == 0) {
    collect_newest();
    if (header_->orphan_count.load(std::memory_order_relaxed) != 0) [[unlikely]]
      free_orphans();
    count = header_->order_count.load(std::memory_order_relaxed);
  }
  if (count > slot_count_) count = slot_count_;
  while (count > 0) {
    const uint32_t number = order()[--count].load(std::memory_order_relaxed);
    header_->order_count.store(count, std::memory_order_relaxed);
    TakenRequest taken{};
    if (number < slot_count_ && slot::take(slots()[number], taken.request, taken.ticket.sequence)) {
      taken.ticket.slot = number;
      header_->taken_count.store(header_->taken_count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return taken;
    }
    header_->malformed_count.fetch_add(1, std::memory_order_relaxed);
  }
  return std::nullopt;
}

template <Bell B>
bool BasicRing<B>::finish(wire::Slot& s, uint32_t sequence, int64_t result) {
  switch (slot::finish(s, sequence, result)) {
    case slot::Finish::too_late: return false;
    case slot::Finish::wake_sleeper: B::wake(futex_word(s.completion), 1); return true;
    case slot::Finish::released: announce_space(); return true;
    case slot::Finish::nobody_sleeps: return true;
  }
  return false;
}

template <Bell B>
bool BasicRing<B>::complete(Ticket ticket, int64_t result) {
  if (ticket.slot >= slot_count_) return false;
  wire::Slot& s = slots()[ticket.slot];
  if (!slot::begin_finish(s, ticket.sequence, wire::SlotPhase::taken)) return false;
  return finish(s, ticket.sequence, result);
}

// `finished` without `done` is what a responder leaves that was killed between the two. The completion word carries the
// sequence, so that a slot which its requester gave back and another claimed meanwhile is not touched.
template <Bell B>
bool BasicRing<B>::fail_one(wire::Slot& s, int errno_value) {
  using wire::SlotPhase;
  const uint32_t word = s.phase.load(std::memory_order_seq_cst);
  const uint32_t sequence = slot::sequence_of(word);
  switch (slot::phase_of(word)) {
    case SlotPhase::filled:
    case SlotPhase::taken:
      return slot::begin_finish(s, sequence, slot::phase_of(word)) && finish(s, sequence, -errno_value);
    case SlotPhase::finished: return finish(s, sequence, -errno_value); // too late where it is done already
    default: return false;
  }
}

template <Bell B>
uint32_t BasicRing<B>::fail_all(int errno_value) {
  header_->fenced_errno.store(errno_value, std::memory_order_seq_cst);
  uint32_t count = 0;
  for (uint32_t i = 0; i < slot_count_; ++i)
    if (fail_one(slots()[i], errno_value)) ++count;
  announce_space();
  return count;
}

} // namespace sp
