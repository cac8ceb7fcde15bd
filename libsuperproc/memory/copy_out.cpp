// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/copy_out.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/memory/extents.hpp"
#include "libsuperproc/memory/file_source.hpp"
#include "libsuperproc/memory/memory_table.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/memory/vma_flags.hpp"

namespace sp::memory {

namespace {

using wire::Vma;

constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
constexpr int kCopyOnWrite = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;

// Mapped copy-on-write for now; in the node's own scratch memory.
struct Extent {
  uint64_t start, end;
  int prot;
};
struct ExtentList {
  uint32_t count;
  Extent extents[4096];
};
ExtentList& waiting() { return *reinterpret_cast<ExtentList*>(wire::kNodeScratch + 8 * wire::kMegabyte); }

Result<> copy_record(const Vma& vma, long fd, Copy copy) {
  TRY_VOID(from_raw(sys::call(SYS_mmap, vma.start, vma.bytes(), PROT_READ | PROT_WRITE, kAnonymous, -1, 0)));
  const uint64_t copied_end = vma.flags & kVmaEmptyInChild ? vma.start : vma.end;
  TRY_VOID(for_extents(vma.start, copied_end, fd, [&](uint64_t start, uint64_t end, uint64_t offset) -> Result<> {
    ExtentList& list = waiting();
    if (copy == Copy::now || list.count == sizeof list.extents / sizeof list.extents[0])
      return read_pages(start, end, fd, offset);
    TRY_VOID(from_raw(sys::call(SYS_mmap, start, end - start, vma.prot, kCopyOnWrite, fd, offset)));
    list.extents[list.count++] = {start, end, vma.prot};
    return {};
  }));
  if (vma.prot != (PROT_READ | PROT_WRITE))
    TRY_VOID(from_raw(sys::call(SYS_mprotect, vma.start, vma.bytes(), vma.prot)));
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

uint64_t bytes_in(const Descriptors& descriptors) {
  constexpr uint64_t kBlockBytes = 512;
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < descriptors.count; ++i) {
    struct stat status {};
    if (sys::call(SYS_fstat, descriptors.fd[i], &status) == 0)
      bytes += static_cast<uint64_t>(status.st_blocks) * kBlockBytes;
  }
  return bytes;
}

Result<> make_private(const Descriptors& descriptors, Copy copy) {
  waiting().count = 0;
  TRY_VOID(for_maps([&](const VmaMap& map, uint32_t segment, bool is_arena) -> Result<> {
    for (const Vma* vma = &map.first(); vma; vma = map.next(*vma)) {
      const bool is_left_out = vma->kind == VmaKind::anonymous && (vma->flags & kVmaNotInChild);
      const bool is_copied = vma->kind == VmaKind::anonymous && !is_left_out;
      const bool is_hole = is_left_out || (vma->kind == VmaKind::free && is_arena);
      if (is_copied) TRY_VOID(copy_record(*vma, descriptors.fd[segment], copy));
      if (is_hole) TRY_VOID(from_raw(sys::call(SYS_munmap, vma->start, vma->bytes())));
    }
    return {};
  }));
  drop_all_sources();
  const MemoryTable& table = memory_table();
  const uint64_t start = wire::page_up(table.break_end);
  if (table.break_limit > start) sys::call(SYS_munmap, start, table.break_limit - start);
  return {};
}

Result<> copy_the_rest() {
  ExtentList& list = waiting();
  for (uint32_t i = 0; i < list.count; ++i) {
    const Extent& e = list.extents[i];
    // The program may have unmapped or mapped over a part meanwhile; what is left of it is copied.
    const bool writable = e.prot & PROT_WRITE;
    if (!writable) sys::call(SYS_mprotect, e.start, e.end - e.start, PROT_READ | PROT_WRITE);
    for (uint64_t at = e.start; at < e.end;) {
      const long result = sys::call(SYS_madvise, at, e.end - at, MADV_POPULATE_WRITE);
      if (result == 0) break;
      if (result != -ENOMEM && result != -EINVAL && result != -EFAULT) return fail(static_cast<int>(-result));
      sys::call(SYS_madvise, at, wire::kPageBytes, MADV_POPULATE_WRITE);
      at += wire::kPageBytes;
    }
    if (!writable) sys::call(SYS_mprotect, e.start, e.end - e.start, e.prot);
  }
  list.count = 0;
  return {};
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
