// SPDX-License-Identifier: Apache-2.0
// madvise. What takes anonymous pages away punches holes in the segment, so it holds for all nodes at once; the copy of a
// private file shows the file again. What a fork's child shall get is noted in the records; the rest is advice about one
// kernel's mapping. Guards (MADV_GUARD_INSTALL) would be one node's alone and outlive munmap: they are refused as by a
// kernel that does not know them.
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

constexpr uint32_t kSpareRecords = 4;
constexpr int kDontNeedLocked = 24, kGuardInstall = 102, kGuardRemove = 103; // newer than some libcs

bool is_hole(const Vma& vma) { return vma.kind == VmaKind::free || vma.kind == VmaKind::reserved; }

// f(Window&, const Vma&) -> long for each mapped record; holes make the answer ENOMEM in the end, as in Linux.
template <class Function>
long for_mapped(uint64_t start, uint64_t end, Function f) {
  bool holes = false;
  const long failure = for_windows(start, end, [&](Window& window) -> long {
    long result = 0;
    window.map.each(window.start, window.end, [&](const Vma& vma) {
      if (is_hole(vma))
        holes = true;
      else
        result = f(window, vma);
      return result == 0;
    });
    return result;
  });
  return failure ? failure : holes ? -ENOMEM : 0;
}

long discard(const Vma& vma, int advice) {
  if ((vma.flags & kVmaLocked) && advice != kDontNeedLocked) return -EINVAL;
  if (vma.kind == VmaKind::anonymous) {
    if (vma.file_id) return advice == MADV_FREE ? -EINVAL : read_source(vma);
    const long result = release_mapped_pages(vma.start, vma.end);
    return result == -EACCES || result == -EINVAL ? release_pages(vma.start, vma.end) : result;
  }
  return sys::call(SYS_madvise, vma.start, vma.bytes(), advice);
}

uint32_t changed(uint32_t flags, int advice) {
  switch (advice) {
    case MADV_DONTFORK: return flags | kVmaNotInChild;
    case MADV_DOFORK: return flags & ~kVmaNotInChild;
    case MADV_WIPEONFORK: return flags | kVmaEmptyInChild;
    default: return flags & ~kVmaEmptyInChild;
  }
}

// Mappings of files are the kernel's to copy, from home's address space: there the kernel is told.
long set_fate_in_child(uint64_t start, uint64_t end, int advice) {
  const long result = for_mapped(start, end, [&](Window&, const Vma& vma) -> long {
    if (vma.kind == VmaKind::anonymous) return 0;
    if (at_home()) return sys::call(SYS_madvise, vma.start, vma.bytes(), advice);
    return ask(home_node(), Operation::kernel_call, SYS_madvise, vma.start, vma.bytes(), advice);
  });
  if (result && result != -ENOMEM) return result;
  const long noted = for_windows(start, end, [&](Window& window) -> long {
    if (window.map.unused_count() < kSpareRecords) return -ENOMEM;
    const Result<> updated = window.map.update(window.start, window.end, [&](VmaAttributes& a) {
      if (a.kind == VmaKind::anonymous) a.flags = changed(a.flags, advice);
    });
    return updated ? 0 : -updated.error().value;
  });
  return result ? result : noted;
}

bool has_anonymous(uint64_t start, uint64_t end) {
  bool found = false;
  for_windows(start, end, [&](Window& window) -> long {
    window.map.each(window.start, window.end, [&](const Vma& vma) { found |= vma.kind == VmaKind::anonymous; });
    return 0;
  });
  return found;
}

long give_advice(uint64_t start, uint64_t end, int advice) {
  if (is_all_mapped(start, end)) return sys::call(SYS_madvise, start, end - start, advice);
  return for_mapped(start, end,
                    [&](Window&, const Vma& vma) { return sys::call(SYS_madvise, vma.start, vma.bytes(), advice); });
}

} // namespace

long advise(uint64_t address, uint64_t bytes, int advice) {
  if (address & (wire::kPageBytes - 1) || address > wire::kUserEnd) return -EINVAL;
  if (bytes > wire::kUserEnd - address) return bytes > UINT64_MAX / 2 ? -EINVAL : -ENOMEM;
  const uint64_t end = wire::page_up(address + bytes);
  if (end == address) return sys::call(SYS_madvise, address, 0, advice);
  switch (advice) {
    case MADV_DONTNEED:
    case MADV_FREE:
    case kDontNeedLocked:
      return for_mapped(address, end, [&](Window&, const Vma& vma) { return discard(vma, advice); });
    case MADV_DONTFORK:
    case MADV_DOFORK:
    case MADV_WIPEONFORK:
    case MADV_KEEPONFORK: return set_fate_in_child(address, end, advice);
    case MADV_REMOVE: return has_anonymous(address, end) ? -EINVAL : give_advice(address, end, advice);
    case kGuardInstall:
    case kGuardRemove: return -EINVAL;
    default: return give_advice(address, end, advice);
  }
}

} // namespace sp::memory
