// SPDX-License-Identifier: Apache-2.0
// mremap. Memory of a segment cannot be moved by the kernel, since address and offset belong together: it grows in place
// where the next addresses are free, else its pages are copied (those that exist). File mappings move on every node.
#include <sys/mman.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/memory/protection.hpp"
#include "libsuperproc/memory/windows.hpp"

namespace sp::memory {

namespace {

using wire::page_up;
using wire::Vma;

struct Old {
  uint64_t start, bytes;
  VmaAttributes attributes;
};

// Copies the pages of [from, from + bytes) that exist.
void copy_pages(uint64_t from, uint64_t to, uint64_t bytes) {
  constexpr uint64_t kPageCount = 256;
  uint8_t present[kPageCount];
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t pages = (bytes - done) / wire::kPageBytes;
    const uint64_t count = pages < kPageCount ? pages : kPageCount;
    const bool known = sys::call(SYS_mincore, from + done, count * wire::kPageBytes, present) == 0;
    for (uint64_t i = 0; i < count; ++i, done += wire::kPageBytes) {
      if (known && !(present[i] & 1)) continue;
      auto* source = pointer_to<const uint64_t>(from + done);
      auto* target = pointer_to<uint64_t>(to + done);
      for (uint64_t word = 0; word < wire::kPageBytes / sizeof(uint64_t); ++word) target[word] = source[word];
    }
  }
}

long copy_to(const Old& old, uint64_t new_bytes, int flags, uint64_t fixed) {
  const int map_flags = MAP_PRIVATE | MAP_ANONYMOUS | ((flags & MREMAP_FIXED) ? MAP_FIXED : 0);
  const long at = map(fixed, new_bytes, kReadWrite, map_flags, -1, 0);
  if (sys::failed(at)) return at;
  if (!(old.attributes.prot & PROT_READ)) protect(old.start, old.bytes, PROT_READ);
  copy_pages(old.start, static_cast<uint64_t>(at), old.bytes < new_bytes ? old.bytes : new_bytes);
  if (old.attributes.prot != kReadWrite) protect(static_cast<uint64_t>(at), new_bytes, old.attributes.prot);
  if (flags & MREMAP_DONTUNMAP)
    advise(old.start, old.bytes, MADV_DONTNEED);
  else
    unmap(old.start, old.bytes);
  return at;
}

// A file mapping: the kernel moves it, on every node to the same addresses.
long move_file(const Old& old, uint64_t new_bytes, int flags, uint64_t fixed) {
  uint64_t target = fixed;
  if (flags & MREMAP_FIXED) {
    if (const long result = unmap(target, new_bytes)) return result;
  } else {
    Window window = file_window(this_node());
    Holding holding(window.lock);
    const Result<uint64_t> place = window.map.allocate(new_bytes, wire::kPageBytes, old.attributes);
    if (!place) return -place.error().value;
    target = *place;
  }
  const int kernel_flags = (flags & MREMAP_DONTUNMAP) | MREMAP_MAYMOVE | MREMAP_FIXED;
  const long at = sys::call(SYS_mremap, old.start, old.bytes, new_bytes, kernel_flags, target);
  if (sys::failed(at)) return at;
  ask_others_to_call(SYS_mremap, old.start, old.bytes, new_bytes, static_cast<uint64_t>(kernel_flags), target);
  for_windows(target, target + new_bytes, [&](Window& window) -> long {
    return window.map.assign(window.start, window.end, old.attributes) ? 0 : -ENOMEM;
  });
  if (old.bytes && !(flags & MREMAP_DONTUNMAP))
    for_windows(old.start, old.start + old.bytes, [&](Window& window) -> long {
      return window.map.assign(window.start, window.end, VmaAttributes{}) ? 0 : -ENOMEM;
    });
  return at;
}

} // namespace

long remap(uint64_t old_address, uint64_t old_bytes, uint64_t new_bytes, int flags, uint64_t new_address) {
  constexpr int kKnown = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  old_bytes = page_up(old_bytes), new_bytes = page_up(new_bytes);
  if (old_address & (wire::kPageBytes - 1) || new_bytes == 0 || flags & ~kKnown) return -EINVAL;
  if ((flags & MREMAP_FIXED) && (!(flags & MREMAP_MAYMOVE) || new_address & (wire::kPageBytes - 1))) return -EINVAL;
  if (flags & MREMAP_DONTUNMAP && (!(flags & MREMAP_MAYMOVE) || old_bytes != new_bytes)) return -EINVAL;
  if (flags & MREMAP_FIXED && new_address < old_address + old_bytes && old_address < new_address + new_bytes)
    return -EINVAL;
  Old old{old_address, old_bytes, {}};
  const uint64_t probe_end = old_address + (old_bytes ? old_bytes : wire::kPageBytes);
  const bool moves = flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
  {
    Window window = window_of(old_address, probe_end);
    Holding holding(window.lock);
    if (!window.map.contains(window.start, window.end) || !window.map.is_mapped(window.start, window.end)) return -EFAULT;
    old.attributes = window.map.find(old_address).attributes(old_address);
    if (!moves && old_bytes && old.attributes.kind == VmaKind::anonymous) {
      if (new_bytes == old_bytes) return static_cast<long>(old_address);
      if (new_bytes > old_bytes && window.is_arena && old.attributes.prot == kReadWrite &&
          window.map.try_extend(old_address, old_address + old_bytes, old_address + new_bytes))
        return static_cast<long>(old_address);
    }
  }
  if (!moves && old_bytes > new_bytes) {
    const long result = unmap(old_address + new_bytes, old_bytes - new_bytes);
    return result ? result : static_cast<long>(old_address);
  }
  if (!moves && old_bytes == new_bytes) return static_cast<long>(old_address);
  if (!(flags & MREMAP_MAYMOVE)) return -ENOMEM;
  if (old.attributes.kind != VmaKind::anonymous) return move_file(old, new_bytes, flags, new_address);
  if (old_bytes == 0) return -EINVAL;
  return copy_to(old, new_bytes, flags, new_address);
}

} // namespace sp::memory
