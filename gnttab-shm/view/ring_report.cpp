// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/view/ring_report.hpp"

#include "gnttab-shm/ring.hpp"

namespace sp {

Result<RingReport> report_ring(std::span<const std::byte> memory) {
  // The view is read-only; nothing that is called on the ring here writes.
  TRY(const Ring ring, Ring::open(const_cast<std::byte*>(memory.data()), memory.size()));
  constexpr auto relaxed = std::memory_order_relaxed;
  const wire::RingHeader& header = ring.header();
  const auto* fixed = static_cast<const volatile wire::RingHeader*>(&header);
  const uint32_t source = fixed->source, target = fixed->target;
  if (source >= kNodeCountMax || target >= kNodeCountMax) return fail(EPROTO);
  RingReport report{};
  report.source = {source};
  report.target = {target};
  report.slot_count = ring.slot_count();
  const auto* slots = reinterpret_cast<const wire::Slot*>(&header + 1);
  for (uint32_t i = 0; i < ring.slot_count(); ++i) switch (slot::phase_of(slots[i].phase.load(relaxed))) {
      case wire::SlotPhase::free: ++report.free_count; break;
      case wire::SlotPhase::claimed:
      case wire::SlotPhase::filled: ++report.waiting_count; break;
      case wire::SlotPhase::taken: ++report.taken_count; break;
      case wire::SlotPhase::finished: ++report.done_count; break;
    }
  report.taken_total = header.taken_count.load(relaxed);
  report.full_total = header.full_count.load(relaxed);
  report.reclaimed_total = header.reclaimed_count.load(relaxed);
  report.malformed_total = header.malformed_count.load(relaxed);
  report.fenced_errno = header.fenced_errno.load(relaxed);
  return report;
}

} // namespace sp
