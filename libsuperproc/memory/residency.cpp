// SPDX-License-Identifier: Apache-2.0
// What a range is asked about or locked for: mlock and its family, and the holes that mincore, msync and mlock report. The
// kernel has every arena mapped in full, so the records answer.
#include <sys/mman.h>

#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/memory/vma_flags.hpp"
#include "libsuperproc/memory/windows.hpp"

namespace sp::memory {

namespace {

using wire::Vma;

constexpr uint32_t kSpareRecords = 4;

struct Range {
  uint64_t start, end;
  bool is_valid;
};
// As mlock takes it: any address, whole pages.
Range whole_pages(uint64_t address, uint64_t bytes) {
  if (address >= wire::kUserEnd || bytes > wire::kUserEnd - address) return {0, 0, false};
  return {wire::page_down(address), wire::page_up(address + bytes), true};
}

long note_locked(uint64_t start, uint64_t end, uint32_t locked) {
  return for_windows(start, end, [&](Window& window) -> long {
    if (window.map.unused_count() < kSpareRecords) return -ENOMEM;
    const Result<> updated = window.map.update(window.start, window.end, [&](VmaAttributes& a) {
      if (a.kind == VmaKind::anonymous) a.flags = (a.flags & ~uint32_t{kVmaLocked}) | locked;
    });
    return updated ? 0 : -updated.error().value;
  });
}

long call_everywhere(long number, const Range& range, int flags) {
  const uint64_t bytes = range.end - range.start;
  if (const long result = sys::call(number, range.start, bytes, flags)) return result;
  (void)ask_others_to_call(number, range.start, bytes, static_cast<uint64_t>(flags));
  return 0;
}

// f(start, end) for every mapped record of every window.
template <class Function>
void for_all_mapped(Function f) {
  const auto visit = [&](VmaMap map) {
    for (const Vma* vma = &map.first(); vma; vma = map.next(*vma))
      if (vma->kind != VmaKind::free && vma->kind != VmaKind::reserved && (vma->prot || (vma->flags & kVmaLocked)))
        f(*vma);
  };
  for (uint32_t n = 0; n < node_count(); ++n) {
    Holding holding(memory_table().arena_locks[n].lock);
    visit(arena_map({n}));
  }
  Holding holding(memory_table().outside_lock);
  visit(image_map());
  for (uint32_t n = 0; n < node_count(); ++n) visit(file_map({n}));
}

} // namespace

bool is_all_mapped(uint64_t start, uint64_t end) {
  if (start < wire::kUserStart || end > wire::kUserEnd) return false;
  return for_windows(start, end, [](Window& window) -> long {
           return window.map.is_mapped(window.start, window.end) ? 0 : -ENOMEM;
         }) == 0;
}

namespace {
// Arenas hold no shared mapping but where the program has forced one there.
wire::VmaKind kind_at(uint64_t address) {
  wire::VmaKind kind = wire::VmaKind::free;
  if (address < wire::kUserStart || address >= wire::kUserEnd || wire::in_arenas(address)) return kind;
  for_windows(address, address + 1, [&](Window& window) -> long {
    kind = window.map.find(window.start).kind;
    return 0;
  });
  return kind;
}
} // namespace

bool is_shared_anonymous(uint64_t address) { return kind_at(address) == wire::VmaKind::shared_anonymous; }
bool is_shared_mapping(uint64_t address) {
  const wire::VmaKind kind = kind_at(address);
  return kind == wire::VmaKind::file_shared || kind == wire::VmaKind::shared_anonymous;
}

long lock_range(uint64_t address, uint64_t bytes, int flags) {
  const Range range = whole_pages(address, bytes);
  if (!range.is_valid) return -ENOMEM;
  if (range.start == range.end) return 0;
  if (!is_all_mapped(range.start, range.end)) return -ENOMEM;
  if (const long result = call_everywhere(SYS_mlock2, range, flags)) return result;
  return note_locked(range.start, range.end, kVmaLocked);
}

long unlock_range(uint64_t address, uint64_t bytes) {
  const Range range = whole_pages(address, bytes);
  if (!range.is_valid) return -ENOMEM;
  if (range.start == range.end) return 0;
  if (!is_all_mapped(range.start, range.end)) return -ENOMEM;
  if (const long result = call_everywhere(SYS_munlock, range, 0)) return result;
  return note_locked(range.start, range.end, 0);
}

// The kernel's own mlockall would fill the arenas.
long lock_all(int flags) {
  constexpr int kKnown = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT;
  if (flags == 0 || flags & ~kKnown || flags == MCL_ONFAULT) return -EINVAL;
  memory_table().lock_future.store(flags & MCL_FUTURE ? static_cast<uint32_t>(flags & (MCL_FUTURE | MCL_ONFAULT)) : 0);
  if (!(flags & MCL_CURRENT)) return 0;
  long failure = 0;
  const int lock_flags = flags & MCL_ONFAULT ? MLOCK_ONFAULT : 0;
  for_all_mapped([&](const Vma& vma) {
    const long result = sys::call(SYS_mlock2, vma.start, vma.bytes(), lock_flags);
    if (result == -EPERM) failure = result;
  });
  return failure;
}

long unlock_all() {
  memory_table().lock_future.store(0);
  sys::call(SYS_munlockall);
  return ask_others_to_call(SYS_munlockall);
}

} // namespace sp::memory
