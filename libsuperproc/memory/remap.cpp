// SPDX-License-Identifier: Apache-2.0
// mremap. Memory of a segment cannot be moved by the kernel, since address and offset belong together: it grows in place
// where the next addresses are free, else its pages are copied (those that exist). File mappings move on every node.
#include <sys/mman.h>

#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/memory/extents.hpp"
#include "libsuperproc/memory/map.hpp"
#include "libsuperproc/memory/protection.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/memory/unmap.hpp"
#include "libsuperproc/memory/vma_flags.hpp"

namespace sp::memory {

namespace {

using wire::page_up;
using wire::Vma;

struct Old {
  uint64_t start, bytes;
  VmaAttributes attributes;
};
struct New {
  uint64_t bytes;
  int flags;
  uint64_t fixed;
};

// Those that exist.
long copy_pages(uint64_t from, uint64_t to, uint64_t bytes) {
  SegmentDescriptor fd(segment_of(from).index);
  if (fd.value() < 0) return fd.value();
  const Result<> done = for_extents(from, from + bytes, fd.value(), [&](uint64_t start, uint64_t end, uint64_t offset) {
    return read_pages(to + (start - from), to + (end - from), fd.value(), offset);
  });
  return done ? 0 : -done.error().value;
}

void keep_flags(uint64_t start, uint64_t bytes, uint32_t flags) {
  if (!flags) return;
  for_windows(start, start + bytes, [&](Window& window) -> long {
    (void)window.map.update(window.start, window.end, [&](VmaAttributes& a) { a.flags = flags; });
    return 0;
  });
}

long move_anonymous(const Old& old, const New& wanted) {
  if (old.bytes == 0) return -EINVAL;
  const int map_flags = MAP_PRIVATE | MAP_ANONYMOUS | ((wanted.flags & MREMAP_FIXED) ? MAP_FIXED : 0);
  const long at = map(wanted.fixed, wanted.bytes, kReadWrite, map_flags, -1, 0);
  if (sys::failed(at)) return at;
  const auto target = static_cast<uint64_t>(at);
  long result = copy_pages(old.start, target, old.bytes < wanted.bytes ? old.bytes : wanted.bytes);
  if (!result && old.attributes.prot != kReadWrite) result = protect(target, wanted.bytes, old.attributes.prot, -1);
  if (result) {
    unmap(target, wanted.bytes);
    return result;
  }
  keep_flags(target, wanted.bytes, old.attributes.flags & (kVmaNotInChild | kVmaEmptyInChild));
  if (wanted.flags & MREMAP_DONTUNMAP)
    advise(old.start, old.bytes, MADV_DONTNEED);
  else
    unmap(old.start, old.bytes);
  return at;
}

// The kernels have moved it away: an arena's own mapping comes back, elsewhere nothing is left.
long forget_moved(const Old& old) {
  return for_windows(old.start, old.start + old.bytes, [](Window& window) -> long {
    if (window.is_arena)
      if (const long result = map_segment(window.start, window.end, kReadWrite)) return result;
    return window.map.assign(window.start, window.end, VmaAttributes{}) ? 0 : -ENOMEM;
  });
}

long move_on_every_node(const Old& old, const New& wanted, uint64_t target) {
  const int flags = (wanted.flags & MREMAP_DONTUNMAP) | MREMAP_MAYMOVE | MREMAP_FIXED;
  const long at = sys::call(SYS_mremap, old.start, old.bytes, wanted.bytes, flags, target);
  if (sys::failed(at)) return at;
  const long others =
      ask_others_to_call(SYS_mremap, old.start, old.bytes, wanted.bytes, static_cast<uint64_t>(flags), target);
  return sys::failed(others) ? others : 0;
}

long move_in(Window& window, const Old& old, const New& wanted, uint64_t target) {
  const long result = move_on_every_node(old, wanted, target);
  const bool noted = !result && window.map.assign(target, target + wanted.bytes, old.attributes);
  if (!noted) (void)window.map.assign(target, target + wanted.bytes, VmaAttributes{});
  return noted ? static_cast<long>(target) : result ? result : -ENOMEM;
}

long move_file_to(const Old& old, const New& wanted) {
  if (const long result = check_place(wanted.fixed, wanted.bytes)) return result;
  Window window = window_of(wanted.fixed, wanted.fixed + wanted.bytes);
  if (window.end != wanted.fixed + wanted.bytes) return -ENOMEM;
  Holding holding(window.lock);
  if (const long result = make_room(window, MAP_FIXED)) return result;
  return move_in(window, old, wanted, wanted.fixed);
}

long move_file_anywhere(const Old& old, const New& wanted) {
  Window window = file_window(this_node());
  Holding holding(window.lock);
  const Result<uint64_t> place = window.map.allocate(wanted.bytes, wire::kPageBytes, old.attributes);
  if (!place) return -place.error().value;
  return move_in(window, old, wanted, *place);
}

// The kernel moves it, on every node to the same addresses. old.bytes == 0 makes another mapping of shared memory.
long move_file(const Old& old, const New& wanted) {
  const long at = wanted.flags & MREMAP_FIXED ? move_file_to(old, wanted) : move_file_anywhere(old, wanted);
  if (sys::failed(at) || old.bytes == 0 || (wanted.flags & MREMAP_DONTUNMAP)) return at;
  const long result = forget_moved(old);
  return result ? result : at;
}

// In place: the next addresses of an arena are there already.
bool grow_in_place(Window& window, const Old& old, uint64_t new_bytes) {
  const VmaAttributes& a = old.attributes;
  if (!window.is_arena || a.kind != VmaKind::anonymous || a.prot != kReadWrite || a.file_id) return false;
  const uint64_t old_end = old.start + old.bytes, new_end = old.start + new_bytes;
  if (!window.map.contains(old_end, new_end) || !window.map.is_free(old_end, new_end)) return false;
  const uint16_t closed = closed_nodes(window, old_end, new_end);
  if (closed && protect_on_nodes(closed, old_end, new_end, kReadWrite)) return false;
  return window.map.assign(old_end, new_end, old.attributes).has_value();
}

bool overlap(const Old& old, const New& wanted) {
  return wanted.fixed < old.start + old.bytes && old.start < wanted.fixed + wanted.bytes;
}

long check(const Old& old, const New& wanted) {
  constexpr int kKnown = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  if (old.start & (wire::kPageBytes - 1) || wanted.bytes == 0 || wanted.flags & ~kKnown) return -EINVAL;
  const bool may_move = wanted.flags & MREMAP_MAYMOVE;
  if ((wanted.flags & MREMAP_FIXED) && (!may_move || wanted.fixed & (wire::kPageBytes - 1) || overlap(old, wanted)))
    return -EINVAL;
  if ((wanted.flags & MREMAP_DONTUNMAP) && (!may_move || old.bytes != wanted.bytes)) return -EINVAL;
  if (old.start < wire::kUserStart || old.start >= wire::kUserEnd || old.bytes >= wire::kUserEnd - old.start)
    return -EFAULT;
  return 0;
}

} // namespace

long remap(uint64_t old_address, uint64_t old_bytes, uint64_t new_bytes, int flags, uint64_t new_address) {
  if (new_bytes > wire::kUserEnd || old_bytes > wire::kUserEnd) return -EINVAL;
  Old old{old_address, page_up(old_bytes), {}};
  const New wanted{page_up(new_bytes), flags, new_address};
  if (const long result = check(old, wanted)) return result;
  const bool stays = !(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP));
  {
    Window window = window_of(old.start, old.start + (old.bytes ? old.bytes : wire::kPageBytes));
    Holding holding(window.lock);
    const Vma& vma = window.map.find(old.start);
    if (vma.kind == VmaKind::free || vma.kind == VmaKind::reserved) return -EFAULT;
    old.attributes = vma.attributes(old.start);
    const bool shrinks = stays && old.bytes > wanted.bytes;
    if (vma.end < old.start + (shrinks ? wanted.bytes : old.bytes)) return -EFAULT; // more than one mapping
    if (stays && old.bytes && old.bytes < wanted.bytes && grow_in_place(window, old, wanted.bytes))
      return static_cast<long>(old.start);
  }
  if (stays && old.bytes > wanted.bytes) {
    const long result = unmap(old.start + wanted.bytes, old.bytes - wanted.bytes);
    return result ? result : static_cast<long>(old.start);
  }
  if (stays && old.bytes == wanted.bytes) return static_cast<long>(old.start);
  if (!(flags & MREMAP_MAYMOVE)) return -ENOMEM;
  return old.attributes.kind == VmaKind::anonymous ? move_anonymous(old, wanted) : move_file(old, wanted);
}

} // namespace sp::memory
