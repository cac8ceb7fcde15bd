// SPDX-License-Identifier: Apache-2.0
// mmap. A hint is honoured when its addresses are free, as Linux does: it is then a fixed place that replaces nothing.
#include "libsuperproc/memory/map.hpp"

#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/memory/file_mapping.hpp"
#include "libsuperproc/memory/protection.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/memory/unmap.hpp"
#include "libsuperproc/memory/vma_flags.hpp"

namespace sp::memory {

namespace {

using wire::page_up;
using wire::Vma;

constexpr uint32_t kSpareRecords = 4;
constexpr uint64_t kGrowBytesMax = 8 << 20;

// Memory that grows down has all it may grow to from the start, as far as that is free: no other node's kernel would see
// it grow.
uint64_t room_below(Window& window, uint64_t start) {
  if (!window.is_arena || start == window.map.start()) return 0;
  const Vma& below = window.map.find(start - 1);
  if (below.kind != VmaKind::free) return 0;
  return start - below.start < kGrowBytesMax ? start - below.start : kGrowBytesMax;
}

long map_anonymous_at(uint64_t address, uint64_t bytes, int prot, int flags) {
  if (const long result = check_place(address, bytes)) return result;
  const long result = for_windows(address, address + bytes, [&](Window& window) -> long {
    if (const long failure = make_room(window, flags)) return failure;
    if (flags & MAP_GROWSDOWN) window.start -= room_below(window, window.start);
    const uint16_t closed = window.is_arena ? closed_nodes(window, window.start, window.end) : 0;
    const long failure = place_anonymous(window, window.start, window.end, prot, closed);
    if (!failure) close_guards_beside(window, window.start, window.end);
    return failure;
  });
  return result ? result : static_cast<long>(address);
}

// More than a node's arena has: somewhere in the image window, in every node's kernel.
long map_elsewhere(uint64_t bytes, int prot) {
  Window window = image_window();
  Holding holding(window.lock);
  const Result<uint64_t> start = window.map.allocate(bytes, wire::kPageBytes, anonymous(prot));
  if (!start) return -start.error().value;
  const long result = map_segment(*start, *start + bytes, prot);
  if (result) (void)window.map.assign(*start, *start + bytes, VmaAttributes{});
  return result ? result : static_cast<long>(*start);
}

long map_in_arena(uint64_t bytes, int prot) {
  Window window = arena_window(this_node());
  Holding holding(window.lock);
  VmaAttributes former;
  const Result<uint64_t> start = window.map.allocate(bytes, wire::kPageBytes, anonymous(kReadWrite), &former);
  if (!start) return -start.error().value;
  if (prot == kReadWrite && !former.applied) return static_cast<long>(*start);
  const long result = open_fresh(window, *start, *start + bytes, prot, former.applied);
  return result ? result : static_cast<long>(*start);
}

// Below 2 GiB, for code that needs it: the highest free addresses there.
long map_low(uint64_t bytes, int prot) {
  constexpr uint64_t kLowEnd = 1ull << 31;
  Window window = image_window();
  Holding holding(window.lock);
  uint64_t start = 0;
  window.map.each(wire::kUserStart, kLowEnd, [&](const Vma& vma) {
    if (vma.kind == VmaKind::free && vma.bytes() >= bytes) start = vma.end - bytes;
  });
  if (!start || window.map.unused_count() < kSpareRecords) return -ENOMEM;
  const long result = place_anonymous(window, start, start + bytes, prot, 0);
  return result ? result : static_cast<long>(start);
}

long map_anonymous(uint64_t address, uint64_t bytes, int prot, int flags) {
  if (is_fixed(flags)) return map_anonymous_at(address, bytes, prot, flags);
  if (flags & MAP_32BIT) return map_low(bytes, prot);
  if (flags & MAP_GROWSDOWN) {
    const long lowest = map_in_arena(bytes + kGrowBytesMax, prot);
    return sys::failed(lowest) ? lowest : lowest + static_cast<long>(kGrowBytesMax);
  }
  const long at = map_in_arena(bytes, prot);
  return at == -ENOMEM ? map_elsewhere(bytes, prot) : at;
}

long map_any(uint64_t address, const FileRequest& request) {
  const bool is_private = (request.flags & kMapTypeMask) == MAP_PRIVATE;
  const bool is_zeros = (request.flags & MAP_ANONYMOUS) || is_zero_device(request.fd);
  if (!is_zeros) return map_file(address, request);
  if (is_private) return map_anonymous(address, request.bytes, request.prot & 7, request.flags);
  return map_shared_anonymous(address, request);
}

// The pages now rather than later; nothing that can fail.
void prepare(uint64_t address, uint64_t bytes, int prot, int flags) {
  const auto future = static_cast<int>(memory_table().lock_future.load(std::memory_order_relaxed));
  if ((flags & (MAP_POPULATE | MAP_LOCKED)) && (prot & 7))
    sys::call(SYS_madvise, address, bytes, prot & PROT_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
  if ((flags & MAP_LOCKED) || future) (void)lock_range(address, bytes, future & MCL_ONFAULT ? MLOCK_ONFAULT : 0);
}

bool is_usable_hint(uint64_t address, uint64_t bytes) {
  return address >= wire::kUserStart && address < wire::kUserEnd && bytes <= wire::kUserEnd - address;
}

} // namespace

long check_place(uint64_t address, uint64_t bytes) {
  if (address & (wire::kPageBytes - 1)) return -EINVAL;
  if (address < wire::kUserStart) return -EPERM;
  return address < wire::kUserEnd && bytes <= wire::kUserEnd - address ? 0 : -ENOMEM;
}

long make_room(Window& window, int flags) {
  if ((flags & MAP_FIXED_NOREPLACE) && !window.map.is_free(window.start, window.end)) return -EEXIST;
  bool is_ours = false;
  window.map.each(window.start, window.end, [&](const Vma& vma) {
    if (vma.kind == VmaKind::reserved && !(vma.flags & kVmaBreak)) is_ours = true;
  });
  return is_ours ? -ENOMEM : free_range(window, window.start, window.end);
}

long place_anonymous(Window& window, uint64_t start, uint64_t end, int prot, uint16_t closed) {
  if (window.is_arena) return open_fresh(window, start, end, prot, closed);
  if (const long result = map_segment(start, end, prot)) return result;
  return window.map.assign(start, end, anonymous(prot)) ? 0 : -ENOMEM;
}

long map(uint64_t address, uint64_t bytes, int prot, int flags, int fd, uint64_t offset) {
  if (bytes == 0) return -EINVAL;
  if (bytes > wire::kUserEnd) return -ENOMEM;
  bytes = page_up(bytes);
  const int type = flags & kMapTypeMask;
  if (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE) return -EINVAL;
  if (flags & MAP_HUGETLB) return -ENOMEM;
  FileRequest request{bytes, prot, flags, fd, offset};
  long at = -EEXIST;
  if (address && !is_fixed(flags) && !(flags & MAP_32BIT) && is_usable_hint(page_up(address), bytes)) {
    request.flags |= MAP_FIXED_NOREPLACE;
    at = map_any(page_up(address), request);
    request.flags = flags;
  }
  const bool hint_failed = at == -EEXIST || at == -ENOMEM;
  if (hint_failed) at = map_any(address, request);
  if (!sys::failed(at)) prepare(static_cast<uint64_t>(at), bytes, prot, flags);
  return at;
}

long map_for_shim(uint64_t bytes) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  return is_shared() ? map(0, bytes, kReadWrite, kFlags, -1, 0)
                     : sys::call(SYS_mmap, 0, bytes, kReadWrite, kFlags, -1, 0);
}

void unmap_for_shim(uint64_t address, uint64_t bytes) {
  if (is_shared())
    unmap(address, bytes);
  else
    sys::call(SYS_munmap, address, bytes);
}

} // namespace sp::memory
