// SPDX-License-Identifier: Apache-2.0
// brk. The heap grows over memory that every node has mapped since conversion, so growing asks nobody; what is given back is
// emptied, and closed where close_free() has time for it.
#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/memory/protection.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/memory/vma_flags.hpp"

namespace sp::memory {

namespace {

using wire::Vma;

constexpr uint32_t kSpareRecords = 4;

VmaAttributes break_reserve() {
  VmaAttributes reserved;
  reserved.kind = VmaKind::reserved;
  reserved.flags = kVmaBreak;
  return reserved;
}

// Nothing that the program has mapped may be in the way.
bool grow(Window& window) {
  bool is_reserve = true;
  window.map.each(window.start, window.end, [&](const Vma& vma) {
    if (vma.kind != VmaKind::reserved || !(vma.flags & kVmaBreak)) is_reserve = false;
  });
  if (!is_reserve) return false;
  const uint16_t closed = closed_nodes(window, window.start, window.end);
  if (closed && protect_on_nodes(closed, window.start, window.end, kReadWrite)) return false;
  return window.map.assign(window.start, window.end, anonymous(kReadWrite)).has_value();
}

bool shrink(Window& window) {
  bool is_plain = true; // as it was when the heap grew
  window.map.each(window.start, window.end, [&](const Vma& vma) {
    if (vma.kind != VmaKind::anonymous || vma.prot != kReadWrite) is_plain = false;
  });
  if (release_pages(window.start, window.end)) return false;
  if (!is_plain && map_segment(window.start, window.end, kReadWrite)) return false;
  if (!window.map.assign(window.start, window.end, break_reserve())) return false;
  close_free(window, window.start, window.end);
  return true;
}

} // namespace

long set_break(uint64_t address) {
  MemoryTable& table = memory_table();
  Holding holding(table.outside_lock);
  if (address < table.break_start || address > table.break_limit) return static_cast<long>(table.break_end);
  const uint64_t old_end = wire::page_up(table.break_end), new_end = wire::page_up(address);
  Window window = image_window(old_end < new_end ? old_end : new_end, old_end < new_end ? new_end : old_end);
  bool done = old_end == new_end;
  if (!done && window.map.unused_count() >= kSpareRecords) done = new_end > old_end ? grow(window) : shrink(window);
  if (done) table.break_end = address;
  return static_cast<long>(table.break_end);
}

} // namespace sp::memory
