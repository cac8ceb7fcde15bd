// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/protection.hpp"

#include <sys/mman.h>

#include "libsuperproc/cluster/ask.hpp"

namespace sp::memory {

namespace {

using wire::Vma;

constexpr uint64_t kGuardBytesMax = 1 << 20;

uint16_t bit(NodeId n) { return static_cast<uint16_t>(1u << n.value); }
long protect_on(NodeId node, uint64_t start, uint64_t end, int prot) {
  if (node == this_node()) return sys::call(SYS_mprotect, start, end - start, prot);
  return ask(node, Operation::kernel_call, SYS_mprotect, start, end - start, prot);
}

bool is_open_by_default(const Window& window, const Vma& vma) {
  if (vma.kind == VmaKind::reserved) return true;
  return window.is_arena && (vma.kind == VmaKind::anonymous || vma.kind == VmaKind::free);
}

int kernel_protection(const Window& window, const Vma& vma, NodeId node) {
  return !is_open_by_default(window, vma) || (vma.applied & bit(node)) ? vma.prot : kReadWrite;
}

// Nodes whose kernels have something else than `prot` in any part of the range.
uint16_t nodes_behind(Window& window, uint64_t start, uint64_t end, int prot) {
  uint16_t behind = 0;
  window.map.each(start, end, [&](const Vma& vma) {
    for (uint32_t n = 0; n < node_count(); ++n)
      if (kernel_protection(window, vma, {n}) != prot) behind |= bit({n});
  });
  return behind;
}

void restore(Window& window, uint64_t start, uint64_t end, uint16_t nodes) {
  window.map.each(start, end, [&](const Vma& vma) {
    for (uint32_t n = 0; n < node_count(); ++n)
      if (nodes & bit({n})) (void)protect_on({n}, vma.start, vma.end, kernel_protection(window, vma, {n}));
  });
}

// ---- the time that closing free addresses may take: a part of all time, in cycles, and a stock of it for the start ----

constexpr uint32_t kClosingShare = 64;
constexpr int64_t kClosingCyclesMax = 50'000'000;
constexpr int64_t kChargedMax = 2'500'000; // once: what took longer has waited for a processor

bool may_close(ClosingBudget& budget) {
  const uint64_t now = sys::cycles();
  if (budget.refilled_at == 0)
    budget.cycles = kClosingCyclesMax;
  else if (now > budget.refilled_at)
    budget.cycles += static_cast<int64_t>((now - budget.refilled_at) / kClosingShare);
  if (budget.cycles > kClosingCyclesMax) budget.cycles = kClosingCyclesMax;
  budget.refilled_at = now;
  return budget.cycles > 0;
}

void charge(ClosingBudget& budget, uint64_t began) {
  const auto took = static_cast<int64_t>(sys::cycles() - began);
  budget.cycles -= took < kChargedMax ? took : kChargedMax;
}

} // namespace

uint16_t all_nodes() { return static_cast<uint16_t>((1u << node_count()) - 1); }

long protect_on_nodes(uint16_t nodes, uint64_t start, uint64_t end, int prot) {
  long failure = 0;
  for (uint32_t n = 0; n < node_count(); ++n) {
    if (!(nodes & bit({n}))) continue;
    const long result = protect_on({n}, start, end, prot);
    if (result && !failure) failure = result;
  }
  return failure;
}

VmaAttributes anonymous(int prot, uint16_t applied) {
  VmaAttributes attributes;
  attributes.kind = VmaKind::anonymous;
  attributes.prot = static_cast<uint8_t>(prot);
  attributes.applied = prot == kReadWrite ? 0 : applied;
  return attributes;
}

long set_protection(Window& window, uint64_t start, uint64_t end, int prot) {
  const uint16_t behind = nodes_behind(window, start, end, prot);
  if (const long result = protect_on_nodes(behind, start, end, prot)) {
    restore(window, start, end, behind);
    return result;
  }
  const bool open = window.is_arena && prot == kReadWrite;
  const Result<> updated = window.map.update(start, end, [&](VmaAttributes& a) {
    a.prot = static_cast<uint8_t>(prot);
    a.applied = open || !window.is_arena ? 0 : all_nodes();
  });
  return updated ? 0 : -updated.error().value;
}

long open_fresh(Window& window, uint64_t start, uint64_t end, int prot, uint16_t closed) {
  const bool is_reservation = prot == PROT_NONE && end - start > kGuardBytesMax;
  const uint16_t right = prot == PROT_NONE ? closed : prot == kReadWrite ? static_cast<uint16_t>(~closed) : 0;
  const uint16_t concerned = is_reservation ? bit(this_node()) : all_nodes();
  const uint64_t began = closed ? sys::cycles() : 0;
  long result = protect_on_nodes(concerned & ~right, start, end, prot);
  if (closed) charge(window.closing, began);
  const auto applied = static_cast<uint16_t>((concerned | right) & all_nodes());
  if (!result && window.map.assign(start, end, anonymous(prot, applied))) return 0;
  (void)protect_on_nodes(all_nodes(), start, end, kReadWrite);
  (void)window.map.assign(start, end, VmaAttributes{});
  return result ? result : -ENOMEM;
}

uint16_t closed_nodes(Window& window, uint64_t start, uint64_t end) {
  uint16_t anywhere = 0, everywhere = all_nodes();
  window.map.each(start, end, [&](const Vma& vma) { anywhere |= vma.applied, everywhere &= vma.applied; });
  const auto in_part = static_cast<uint16_t>(anywhere & ~everywhere);
  if (in_part) (void)protect_on_nodes(in_part, start, end, kReadWrite);
  return everywhere;
}

void close_free(Window& window, uint64_t start, uint64_t end) {
  if (!may_close(window.closing)) return;
  const uint64_t began = sys::cycles();
  uint16_t closed = 0;
  const uint16_t behind = nodes_behind(window, start, end, PROT_NONE);
  for (uint32_t n = 0; n < node_count(); ++n)
    if ((behind & bit({n})) && protect_on({n}, start, end, PROT_NONE) == 0) closed |= bit({n});
  if (closed) (void)window.map.update(start, end, [&](VmaAttributes& a) { a.applied |= closed; });
  charge(window.closing, began);
}

void close_guards_beside(Window& window, uint64_t start, uint64_t end) {
  if (!window.is_arena) return;
  const auto close = [&](uint64_t address) {
    if (address < window.map.start() || address >= window.map.end()) return;
    const Vma guard = window.map.find(address);
    const auto missing = static_cast<uint16_t>(all_nodes() & ~guard.applied);
    if (guard.kind != VmaKind::anonymous || guard.prot != PROT_NONE || guard.bytes() > kGuardBytesMax || !missing)
      return;
    if (protect_on_nodes(missing, guard.start, guard.end, PROT_NONE) == 0)
      (void)window.map.update(guard.start, guard.end, [](VmaAttributes& a) { a.applied = all_nodes(); });
  };
  close(start - 1);
  close(end);
}

} // namespace sp::memory
