// SPDX-License-Identifier: Apache-2.0
// mprotect and pkey_mprotect: on every node before they return. A private file mapping that becomes writable becomes a copy
// in a segment first, for its written pages would otherwise be one resident's.
#include <sys/mman.h>

#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/memory/protection.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/memory/vma_flags.hpp"

namespace sp::memory {

namespace {

using wire::page_up;
using wire::Vma;

constexpr uint32_t kSpareRecords = 4;
constexpr int kKnownProtections = 7 | 8 /* PROT_SEM, which does nothing */;

// What the mapping shows, into the segment; it ends where the file does.
long copy_to_segment(uint64_t start, uint64_t end) {
  SegmentDescriptor fd(segment_of(start).index);
  if (fd.value() < 0) return fd.value();
  for (uint64_t at = start; at < end;) {
    const long put = sys::call(SYS_pwrite64, fd.value(), at, end - at, segment_of(at).offset);
    if (put == -EFAULT) return 0;
    if (put == -EINTR) continue;
    if (put <= 0) return put ? put : -EIO;
    at += static_cast<uint64_t>(put);
  }
  return 0;
}

long make_copy(Window& window, uint64_t start, uint64_t end, int prot) {
  if (!(prot & PROT_READ))
    if (const long result = sys::call(SYS_mprotect, start, end - start, PROT_READ)) return result;
  if (const long result = copy_to_segment(start, end)) return result;
  if (const long result = map_segment(start, end, kReadWrite)) return result;
  return window.map.assign(start, end, anonymous(kReadWrite)) ? 0 : -ENOMEM;
}

long copy_private_files(Window& window) {
  for (uint64_t at = window.start; at < window.end;) {
    const Vma vma = window.map.find(at);
    const uint64_t end = vma.end < window.end ? vma.end : window.end;
    if (vma.kind == VmaKind::file_private)
      if (const long result = make_copy(window, at, end, vma.prot)) return result;
    at = end;
  }
  return 0;
}

long set_key(Window& window, int prot, int key) {
  const uint64_t start = window.start, bytes = window.end - window.start;
  if (const long result = sys::call(SYS_pkey_mprotect, start, bytes, prot, key)) return result;
  if (const long result =
          ask_others_to_call(SYS_pkey_mprotect, start, bytes, static_cast<uint64_t>(prot), static_cast<uint64_t>(key)))
    return result;
  const Result<> updated = window.map.update(window.start, window.end, [&](VmaAttributes& a) {
    a.prot = static_cast<uint8_t>(prot & 7);
    if (window.is_arena && a.kind == VmaKind::anonymous) a.applied = prot == kReadWrite ? 0 : all_nodes();
    a.flags = (a.flags & ((1u << kVmaKeyShift) - 1)) | static_cast<uint32_t>(key) << kVmaKeyShift;
  });
  return updated ? 0 : -updated.error().value;
}

// As far as there is memory in one piece; what lies behind a hole stays as it is.
long protect_in(Window& window, int prot, int key) {
  if (!window.map.contains(window.start, window.end)) return -ENOMEM;
  const uint64_t wanted_end = window.end;
  window.end = window.start;
  window.map.each(window.start, wanted_end, [&](const Vma& vma) {
    if (vma.kind == VmaKind::free || vma.kind == VmaKind::reserved) return false;
    window.end = vma.end;
    return true;
  });
  const bool is_whole = window.end == wanted_end;
  if (window.end == window.start || window.map.unused_count() < kSpareRecords) return -ENOMEM;
  if (prot & PROT_WRITE)
    if (const long result = copy_private_files(window)) return result;
  if (const long result =
          key < 0 ? set_protection(window, window.start, window.end, prot & 7) : set_key(window, prot, key))
    return result;
  close_guards_beside(window, window.start, window.end);
  return is_whole ? 0 : -ENOMEM;
}

} // namespace

long protect(uint64_t address, uint64_t bytes, int prot, int key) {
  if (address & (wire::kPageBytes - 1) || prot & ~kKnownProtections) return -EINVAL;
  if (bytes == 0) return 0;
  if (address >= wire::kUserEnd || bytes > wire::kUserEnd - address) return -ENOMEM;
  return for_windows(address, page_up(address + bytes), [&](Window& window) { return protect_in(window, prot, key); });
}

} // namespace sp::memory
