// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/unmap.hpp"

#include <sys/mman.h>

#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/memory/file_source.hpp"
#include "libsuperproc/memory/protection.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/memory/vma_flags.hpp"

namespace sp::memory {

namespace {

using wire::Vma;

constexpr uint32_t kSpareRecords = 4; // what one call may take from a window's pool

long call_everywhere(long number, uint64_t a, uint64_t b, uint64_t c = 0, uint64_t d = 0) {
  const long here = sys::call(number, a, b, c, d);
  const long others = ask_others_to_call(number, a, b, c, d);
  return here ? here : others;
}

// An arena's kernel mapping stays; it becomes what it was, read-write, or keeps being closed.
long clear_arena_memory(const Vma& vma) {
  if (vma.flags & kVmaLocked) (void)call_everywhere(SYS_munlock, vma.start, vma.bytes());
  if (vma.flags >> kVmaKeyShift) (void)call_everywhere(SYS_pkey_mprotect, vma.start, vma.bytes(), vma.prot, 0);
  if (vma.prot != PROT_NONE && vma.prot != kReadWrite)
    if (const long result = protect_on_nodes(vma.applied, vma.start, vma.end, kReadWrite)) return result;
  const long result = release_mapped_pages(vma.start, vma.end);
  return result == -EACCES || result == -EINVAL ? release_pages(vma.start, vma.end) : result;
}

long clear_record(const Window& window, const Vma& vma) {
  if (vma.kind == VmaKind::free || vma.kind == VmaKind::reserved) return 0;
  if (window.is_arena)
    return vma.kind == VmaKind::anonymous ? clear_arena_memory(vma) : map_segment(vma.start, vma.end, kReadWrite);
  if (vma.kind == VmaKind::anonymous)
    if (const long result = release_pages(vma.start, vma.end)) return result;
  return call_everywhere(SYS_munmap, vma.start, vma.bytes());
}

} // namespace

long free_range(Window& window, uint64_t start, uint64_t end) {
  if (window.map.unused_count() < kSpareRecords) return -ENOMEM;
  long failure = 0;
  window.map.each(start, end, [&](const Vma& vma) {
    const long result = clear_record(window, vma);
    if (result && !failure) failure = result;
    if (!failure && vma.kind == VmaKind::anonymous) drop_source(vma);
    return !failure;
  });
  if (failure) return failure;
  const Result<> updated = window.map.update(start, end, [&](VmaAttributes& a) {
    if (a.kind == VmaKind::reserved) return;
    const bool closed =
        window.is_arena && (a.kind == VmaKind::free || (a.kind == VmaKind::anonymous && a.prot == PROT_NONE));
    VmaAttributes free;
    free.applied = closed ? a.applied : 0;
    a = free;
  });
  return updated ? 0 : -updated.error().value;
}

long unmap(uint64_t address, uint64_t bytes) {
  if (address & (wire::kPageBytes - 1) || address > wire::kUserEnd || bytes > wire::kUserEnd - address) return -EINVAL;
  if (bytes == 0) return -EINVAL;
  const uint64_t end = wire::page_up(address + bytes);
  if (address < wire::kUserStart) address = wire::kUserStart;
  return for_windows(address, end, [](Window& window) -> long {
    if (const long result = free_range(window, window.start, window.end)) return result;
    if (window.is_arena) close_free(window, window.start, window.end);
    return 0;
  });
}

} // namespace sp::memory
