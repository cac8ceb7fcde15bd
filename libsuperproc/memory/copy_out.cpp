// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/copy_out.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
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
constexpr int kLent = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;

// Lent; the list and what is on its way are in the node's own scratch memory.
struct Extent {
  uint64_t start, end;
  int prot;
};
struct ExtentList {
  uint32_t count;
  uint32_t dumped; // a core shall have them
  Extent extents[4096];
};
constexpr uint64_t kLentList = wire::kNodeScratch + 8 * wire::kMegabyte, kOnItsWay = kLentList + wire::kMegabyte;
constexpr uint64_t kChunkBytes = 512 << 10; // stays in a processor's cache on its way
static_assert(kLentList + sizeof(ExtentList) <= kOnItsWay);
static_assert(kOnItsWay + kChunkBytes <= wire::kNodeScratch + wire::kNodeScratchBytes);
ExtentList& lent() { return *reinterpret_cast<ExtentList*>(kLentList); }

bool dumps_core() {
  rlimit limit{};
  return sys::call(SYS_prlimit64, 0, RLIMIT_CORE, nullptr, &limit) == 0 && limit.rlim_cur != 0;
}

Result<> lend(uint64_t start, uint64_t end, int prot, long fd, uint64_t offset) {
  ExtentList& list = lent();
  TRY_VOID(from_raw(sys::call(SYS_mmap, start, end - start, PROT_READ | PROT_WRITE, kLent, fd, offset)));
  list.extents[list.count++] = {start, end, prot};
  auto* first = reinterpret_cast<volatile uint8_t*>(start);
  if (list.dumped) *first = *first; // the kernel leaves private mappings of files out that nobody wrote to
  return {};
}

Result<> copy_record(const Vma& vma, long fd, Copy copy) {
  TRY_VOID(from_raw(sys::call(SYS_mmap, vma.start, vma.bytes(), PROT_READ | PROT_WRITE, kAnonymous, -1, 0)));
  const uint64_t copied_end = vma.flags & kVmaEmptyInChild ? vma.start : vma.end;
  TRY_VOID(for_extents(vma.start, copied_end, fd, [&](uint64_t start, uint64_t end, uint64_t offset) -> Result<> {
    ExtentList& list = lent();
    if (copy == Copy::now || list.count == sizeof list.extents / sizeof list.extents[0])
      return read_pages(start, end, fd, offset);
    return lend(start, end, vma.prot, fd, offset);
  }));
  if (vma.prot != (PROT_READ | PROT_WRITE))
    TRY_VOID(from_raw(sys::call(SYS_mprotect, vma.start, vma.bytes(), vma.prot)));
  return {};
}

// A lent piece becomes anonymous memory at its own address. It is not there while it is on its way, and the kernel's
// mappings are as if it had always been anonymous.
Result<> take_place(uint64_t start, uint64_t end, int prot) {
  const uint64_t bytes = end - start;
  if (!(prot & PROT_READ)) TRY_VOID(from_raw(sys::call(SYS_mprotect, start, bytes, PROT_READ)));
  __builtin_memcpy(reinterpret_cast<void*>(kOnItsWay), reinterpret_cast<void*>(start), bytes);
  TRY_VOID(from_raw(sys::call(SYS_mmap, start, bytes, PROT_READ | PROT_WRITE, kAnonymous | MAP_POPULATE, -1, 0)));
  __builtin_memcpy(reinterpret_cast<void*>(start), reinterpret_cast<void*>(kOnItsWay), bytes);
  if (prot != (PROT_READ | PROT_WRITE)) TRY_VOID(from_raw(sys::call(SYS_mprotect, start, bytes, prot)));
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
  lent().count = 0;
  lent().dumped = copy == Copy::later && dumps_core();
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

bool is_lent(uint64_t start, uint64_t bytes) {
  const ExtentList& list = lent();
  const uint64_t end = bytes > wire::kUserEnd - start ? wire::kUserEnd : wire::page_up(start + bytes);
  for (uint32_t i = 0; i < list.count; ++i)
    if (start < list.extents[i].end && list.extents[i].start < end) return true;
  return false;
}

Result<> copy_the_rest() {
  ExtentList& list = lent();
  for (uint32_t i = 0; i < list.count; ++i) {
    const Extent& e = list.extents[i];
    for (uint64_t at = e.start; at < e.end; at += kChunkBytes)
      TRY_VOID(take_place(at, e.end - at < kChunkBytes ? e.end : at + kChunkBytes, e.prot));
  }
  if (list.count) sys::call(SYS_madvise, kOnItsWay, kChunkBytes, MADV_DONTNEED);
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
