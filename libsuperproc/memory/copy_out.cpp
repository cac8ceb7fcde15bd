// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/copy_out.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/memory/memory_table.hpp"
#include "libsuperproc/memory/segments.hpp"

namespace sp::memory {

namespace {

using wire::Vma;

constexpr int kPrivate = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;

Result<> make_record_private(const Vma& vma, long fd, bool is_arena) {
  if (vma.kind == VmaKind::anonymous)
    TRY_VOID(from_raw(sys::call(SYS_mmap, vma.start, vma.bytes(), vma.prot, kPrivate, fd, segment_of(vma.start).offset)));
  if (vma.kind == VmaKind::free && is_arena) TRY_VOID(from_raw(sys::call(SYS_munmap, vma.start, vma.bytes())));
  return {};
}

// f(map, segment index, is_arena) for each map with segment memory.
template <class Function>
Result<> for_maps(Function f) {
  TRY_VOID(f(image_map(), kImageSegment, false));
  for (uint32_t n = 0; n < node_count(); ++n) {
    TRY_VOID(f(file_map({n}), kImageSegment, false));
    TRY_VOID(f(arena_map({n}), n + 1, true));
  }
  return {};
}

// Makes the kernel copy every page of a private mapping of [start, end) that the segment has.
Result<> copy_extents(const Vma& vma, long fd) {
  const uint64_t base = segment_of(vma.start).offset;
  const uint64_t limit = base + vma.bytes();
  for (uint64_t at = base; at < limit;) {
    const long data = sys::call(SYS_lseek, fd, at, SEEK_DATA);
    if (data == -ENXIO || (data >= 0 && static_cast<uint64_t>(data) >= limit)) return {};
    TRY_VOID(from_raw(data));
    TRY(const long hole, from_raw(sys::call(SYS_lseek, fd, data, SEEK_HOLE)));
    const uint64_t end = static_cast<uint64_t>(hole) < limit ? static_cast<uint64_t>(hole) : limit;
    const uint64_t address = vma.start + (static_cast<uint64_t>(data) - base), bytes = end - static_cast<uint64_t>(data);
    const bool writable = vma.prot & PROT_WRITE;
    if (!writable) TRY_VOID(from_raw(sys::call(SYS_mprotect, address, bytes, PROT_READ | PROT_WRITE)));
    TRY_VOID(from_raw(sys::call(SYS_madvise, address, bytes, MADV_POPULATE_WRITE)));
    if (!writable) TRY_VOID(from_raw(sys::call(SYS_mprotect, address, bytes, vma.prot)));
    at = end;
  }
  return {};
}

} // namespace

Result<> open_segments(Descriptors& descriptors) {
  descriptors.count = 0;
  for (uint32_t i = 0; i <= node_count(); ++i) {
    Path path;
    path << "/proc/self/task/" << memory_table().reaper_tid << "/fd/" << i;
    const long fd = sys::call(SYS_openat, AT_FDCWD, path.text(), O_RDWR | O_CLOEXEC);
    if (fd < 0) {
      close_segments(descriptors);
      return fail(static_cast<int>(-fd));
    }
    descriptors.fd[descriptors.count++] = static_cast<int32_t>(fd);
  }
  return {};
}

void close_segments(const Descriptors& descriptors) {
  for (uint32_t i = 0; i < descriptors.count; ++i) sys::call(SYS_close, descriptors.fd[i]);
}

Result<> make_private(const Descriptors& descriptors) {
  TRY_VOID(for_maps([&](const VmaMap& map, uint32_t segment, bool is_arena) -> Result<> {
    for (const Vma* vma = &map.first(); vma; vma = map.next(*vma))
      TRY_VOID(make_record_private(*vma, descriptors.fd[segment], is_arena));
    return {};
  }));
  const MemoryTable& table = memory_table();
  const uint64_t start = wire::page_up(table.break_end);
  if (table.break_limit > start) sys::call(SYS_munmap, start, table.break_limit - start);
  return {};
}

Result<> copy_existing_pages(const Descriptors& descriptors) {
  return for_maps([&](const VmaMap& map, uint32_t segment, bool) -> Result<> {
    for (const Vma* vma = &map.first(); vma; vma = map.next(*vma))
      if (vma->kind == VmaKind::anonymous) TRY_VOID(copy_extents(*vma, descriptors.fd[segment]));
    return {};
  });
}

long set_private_break(unsigned long address) {
  MemoryTable& table = memory_table();
  if (address < table.break_start || address > table.break_limit) return static_cast<long>(table.break_end);
  const uint64_t old_end = wire::page_up(table.break_end), new_end = wire::page_up(address);
  if (new_end > old_end) {
    constexpr int kFixedNoReplace = 0x100000;
    const long at = sys::call(SYS_mmap, old_end, new_end - old_end, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | kFixedNoReplace, -1, 0);
    if (at != static_cast<long>(old_end)) return static_cast<long>(table.break_end);
  }
  if (new_end < old_end) sys::call(SYS_munmap, new_end, old_end - new_end);
  table.break_end = address;
  return static_cast<long>(address);
}

} // namespace sp::memory
