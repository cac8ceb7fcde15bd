// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/protection.hpp"

#include <sys/mman.h>

#include "libsuperproc/cluster/ask.hpp"

namespace sp::memory {

namespace {

// Larger fresh ranges are reservations (a malloc arena's heap, a garbage collector's cage), which are committed piece by
// piece: protecting them on other nodes would make each commit wait for these nodes.
constexpr uint64_t kGuardBytesMax = 1 << 20;

uint16_t bit(NodeId n) { return static_cast<uint16_t>(1u << n.value); }
uint16_t all_nodes() { return static_cast<uint16_t>((1u << node_count()) - 1); }

long protect_on(NodeId node, uint64_t start, uint64_t end, int prot) {
  if (node == this_node()) return sys::call(SYS_mprotect, start, end - start, prot);
  return ask(node, Operation::kernel_call, SYS_mprotect, start, end - start, prot);
}

// A guard that other nodes have yet to protect. A short list, the oldest is forgotten: then this guard holds only where
// it was made.
struct PendingGuard {
  std::atomic<uint64_t> start, end;
};
struct PendingList {
  std::atomic<uint32_t> next;
  std::atomic<uint32_t> seen[kNodeCountMax];
  PendingGuard guards[256];
};
PendingList& pending() { return *reinterpret_cast<PendingList*>(wire::kMemoryTable + 64 * 1024); }

void leave_to_others(uint64_t start, uint64_t end) {
  PendingList& list = pending();
  const uint32_t at = list.next.fetch_add(1);
  PendingGuard& guard = list.guards[at % 256];
  guard.start.store(start, std::memory_order_relaxed);
  guard.end.store(end, std::memory_order_release);
}

} // namespace

VmaAttributes anonymous(int prot, uint16_t applied) {
  VmaAttributes attributes;
  attributes.kind = VmaKind::anonymous;
  attributes.prot = static_cast<uint8_t>(prot);
  attributes.applied = prot == kReadWrite ? 0 : applied;
  return attributes;
}

long protect_fresh(Window& window, uint64_t start, uint64_t end, int prot) {
  const NodeId self = this_node();
  if (prot & PROT_EXEC) return set_protection(window, start, end, prot);
  if (const long result = protect_on(self, start, end, prot)) return result;
  if (!window.map.assign(start, end, anonymous(prot, bit(self)))) return -ENOMEM;
  if (end - start <= kGuardBytesMax) leave_to_others(start, end);
  return 0;
}

long set_protection(Window& window, uint64_t start, uint64_t end, int prot) {
  // Which nodes' kernels have something else than what is wanted, in any part of the range?
  uint16_t behind = 0;
  window.map.each(start, end, [&](const wire::Vma& vma) {
    const bool in_arena = window.is_arena && vma.kind == VmaKind::anonymous;
    const uint16_t follows = in_arena && vma.prot != kReadWrite ? vma.applied : all_nodes();
    for (uint32_t n = 0; n < node_count(); ++n) {
      const int kernel_prot = (follows >> n & 1) ? vma.prot : kReadWrite;
      if (kernel_prot != prot) behind |= static_cast<uint16_t>(1u << n);
    }
  });
  for (uint32_t n = 0; n < node_count(); ++n)
    if (behind >> n & 1)
      if (const long result = protect_on({n}, start, end, prot)) return result;
  const bool default_prot = window.is_arena && prot == kReadWrite;
  const Result<> updated = window.map.update(start, end, [&](VmaAttributes& a) {
    a.prot = static_cast<uint8_t>(prot);
    a.applied = default_prot || !window.is_arena ? 0 : all_nodes();
  });
  return updated ? 0 : -updated.error().value;
}

long clear_protection(Window& window, uint64_t start, uint64_t end) {
  long failure = 0;
  window.map.each(start, end, [&](const wire::Vma& vma) {
    if (vma.kind != VmaKind::anonymous || vma.prot == kReadWrite) return;
    for (uint32_t n = 0; n < node_count(); ++n)
      if (vma.applied >> n & 1)
        if (const long result = protect_on({n}, vma.start, vma.end, kReadWrite)) failure = result;
  });
  return failure;
}

void apply_pending_protections() {
  PendingList& list = pending();
  const NodeId self = this_node();
  const uint32_t next = list.next.load(std::memory_order_acquire);
  uint32_t seen = list.seen[self.value].load(std::memory_order_relaxed);
  if (seen == next) return;
  if (next - seen > 256) seen = next - 256;
  for (; seen != next; ++seen) {
    const PendingGuard& guard = list.guards[seen % 256];
    const uint64_t start = guard.start.load(std::memory_order_relaxed), end = guard.end.load(std::memory_order_acquire);
    if (!wire::in_arenas(start) || start >= end) continue;
    Window window = window_of(start, end);
    Holding holding(window.lock);
    uint64_t at = window.start;
    while (at < window.end) {
      const wire::Vma vma = window.map.find(at);
      const uint64_t part_end = vma.end < window.end ? vma.end : window.end;
      if (vma.kind == VmaKind::anonymous && vma.prot != kReadWrite && !(vma.applied & bit(self))) {
        if (sys::call(SYS_mprotect, at, part_end - at, vma.prot) == 0)
          (void)window.map.update(at, part_end, [&](VmaAttributes& a) { a.applied |= bit(self); });
      }
      at = part_end;
    }
  }
  list.seen[self.value].store(next, std::memory_order_relaxed);
}

} // namespace sp::memory
