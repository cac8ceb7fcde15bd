// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/copy_in.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "libsuperproc/base/ensure.hpp"
#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/memory/file_elsewhere.hpp"
#include "libsuperproc/memory/file_source.hpp"
#include "libsuperproc/memory/memory_table.hpp"
#include "libsuperproc/memory/protection.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/memory/vma_flags.hpp"

namespace sp::memory {

namespace {

constexpr uint64_t kBreakReserveBytes = 64ull << 30;
constexpr uint64_t kStackMaxBytes = 1ull << 30; // for an unlimited stack
constexpr uint64_t kGapBytes = 1 << 20;
constexpr int kSegmentMap = MAP_SHARED | MAP_FIXED | MAP_NORESERVE;

constexpr uint64_t kPresent = 1ull << 63, kSwapped = 1ull << 62;

bool is_control(const Mapping& m) {
  return m.start >= wire::kControlBase && m.end <= wire::kControlBase + wire::kControlBytes;
}
bool is_node(const Mapping& m) { return m.start >= wire::kNodeBase && m.end <= wire::kNodeBase + wire::kNodeBytes; }

// A process that has changed its user is not its own owner in /proc any more, unless it is dumpable.
Result<long> open_page_map() {
  const long dumpable = sys::call(SYS_prctl, PR_GET_DUMPABLE);
  if (dumpable != 1) sys::call(SYS_prctl, PR_SET_DUMPABLE, 1);
  const long fd = sys::call(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (dumpable != 1) sys::call(SYS_prctl, PR_SET_DUMPABLE, 0);
  return from_raw(fd);
}

Result<> write_out(uint64_t start, uint64_t end) {
  const Segment segment = segment_of(start);
  while (start < end) {
    const uint64_t offset = segment_of(start).offset;
    TRY(const long written, from_raw(sys::call(SYS_pwrite64, segment.index, start, end - start, offset)));
    if (written == 0) return fail(EIO);
    start += static_cast<uint64_t>(written);
  }
  return {};
}

// Behind the end of its file a mapping has nothing to be read; the copy has zeros there.
Result<> write_out_file(const Mapping& m) {
  const Result<> written = write_out(m.start, m.end);
  if (!written && written.error().value == EFAULT) return {};
  return written;
}

// Copies the pages that exist in [start, end); runs of them with one call each.
Result<> copy_present(long page_map, uint64_t start, uint64_t end) {
  constexpr uint64_t kEntryCount = 512;
  uint64_t entries[kEntryCount];
  uint64_t run_start = 0;
  for (uint64_t at = start; at < end;) {
    const uint64_t wanted = (end - at) / wire::kPageBytes;
    const uint64_t count = wanted < kEntryCount ? wanted : kEntryCount;
    TRY(const long got, from_raw(sys::call(SYS_pread64, page_map, entries, count * sizeof(uint64_t),
                                           at / wire::kPageBytes * sizeof(uint64_t))));
    if (got <= 0) return fail(EIO);
    for (uint64_t i = 0; i < static_cast<uint64_t>(got) / sizeof(uint64_t); ++i, at += wire::kPageBytes) {
      const bool exists = entries[i] & (kPresent | kSwapped);
      if (exists && !run_start) run_start = at;
      if (!exists && run_start) {
        TRY_VOID(write_out(run_start, at));
        run_start = 0;
      }
    }
  }
  if (run_start) TRY_VOID(write_out(run_start, end));
  return {};
}

Result<> copy_mapping(long page_map, const Mapping& m) {
  if (!(m.prot & PROT_READ)) {
    // A guard or a reservation; what it may hold cannot be read as it is.
    TRY_VOID(from_raw(sys::call(SYS_mprotect, m.start, m.end - m.start, PROT_READ)));
  }
  if (m.kind == MappingKind::file) return write_out_file(m);
  return copy_present(page_map, m.start, m.end);
}

Result<> map_from_segment(uint64_t start, uint64_t end, int prot) {
  const Segment segment = segment_of(start);
  TRY_VOID(from_raw(sys::call(SYS_mmap, start, end - start, prot, kSegmentMap, segment.index, segment.offset)));
  return {};
}

// The lowest address that the main thread's stack may grow to.
uint64_t stack_floor(const Mapping& stack, uint64_t below) {
  rlimit limit{};
  sys::call(SYS_prlimit64, 0, RLIMIT_STACK, nullptr, &limit);
  const uint64_t bytes = limit.rlim_cur < kStackMaxBytes ? wire::page_up(limit.rlim_cur) : kStackMaxBytes;
  uint64_t floor = stack.end - bytes;
  if (floor < below + kGapBytes) floor = below + kGapBytes;
  return floor < stack.start ? floor : stack.start;
}

VmaAttributes attributes_of(const Mapping& m) {
  VmaAttributes attributes;
  attributes.prot = m.prot;
  attributes.kind = is_converted(m) ? VmaKind::anonymous
                    : m.is_shared   ? VmaKind::file_shared
                    : is_node(m)    ? VmaKind::reserved
                                    : VmaKind::file_private;
  if (wire::has_file_offset(attributes.kind)) {
    attributes.file_offset = m.offset;
    attributes.file_id = static_cast<uint32_t>(m.inode);
  }
  return attributes;
}

Result<> format_maps() {
  TRY_VOID(VmaMap::format(pointer_to<void>(wire::kVmaImage), wire::kVmaBytes, wire::kUserStart, wire::kUserEnd));
  for (uint32_t n = 0; n < node_count(); ++n) {
    TRY_VOID(VmaMap::format(pointer_to<void>(wire::kVmaArenas + n * wire::kVmaBytes), wire::kVmaBytes,
                            wire::arena_start({n}), wire::arena_start({n}) + wire::kArenaBytes));
    TRY_VOID(VmaMap::format(pointer_to<void>(wire::kVmaFiles + n * wire::kVmaBytes), wire::kVmaBytes,
                            wire::file_start({n}), wire::file_start({n}) + wire::kFileBytes));
  }
  VmaAttributes reserved;
  reserved.kind = VmaKind::reserved;
  return image_map().assign(wire::kControlBase, wire::kSourceEnd, reserved);
}

VmaMap map_of(uint64_t address) {
  if (wire::in_arenas(address)) return arena_map(wire::arena_node(address));
  if (wire::in_files(address)) return file_map(wire::file_node(address));
  return image_map();
}

Result<> map_arenas() {
  for (uint32_t n = 0; n < node_count(); ++n)
    TRY_VOID(map_from_segment(wire::arena_start({n}), wire::arena_start({n}) + wire::kArenaBytes, kReadWrite));
  return {};
}

// Of this library, which is at work: its variables must not be away for a moment.
bool is_our_data(const Mapping& m) {
  static constinit uint64_t in_our_data = 1;
  const uint64_t at = address_of(&in_our_data);
  return at >= m.start && at < m.end;
}

// The private file under memory that goes into a segment is kept for MADV_DONTNEED.
uint32_t keep_file(const Mapping& m) {
  const bool is_copied = m.kind == MappingKind::file && is_converted(m) && !wire::in_arenas(m.start);
  return is_copied && !is_our_data(m) ? keep_mapping_as_source(m.start, m.end - m.start) : 0;
}

// What a mapping becomes: its place in the segment, its record.
Result<> take_over(const Mapping& m, uint64_t below) {
  MemoryTable& table = memory_table();
  uint64_t start = m.start;
  if (m.kind == MappingKind::stack) {
    start = stack_floor(m, below);
    table.stack_start = start, table.stack_end = m.end;
  }
  if (m.kind == MappingKind::heap && !table.break_start) table.break_start = m.start;
  const uint32_t source = keep_file(m);
  if (is_converted(m) && !is_control(m)) {
    if (!wire::in_arenas(m.start)) {
      TRY_VOID(map_from_segment(start, m.end, m.prot));
    } else if (m.prot != kReadWrite) {
      TRY_VOID(from_raw(sys::call(SYS_mprotect, m.start, m.end - m.start, m.prot)));
    }
  }
  if (is_control(m) || m.start >= wire::kUserEnd) return {};
  VmaAttributes attributes = attributes_of(m);
  if (source) attributes.file_id = source;
  if (wire::in_arenas(m.start) && m.prot != kReadWrite) attributes.applied = all_nodes();
  return map_of(start).assign(start, m.end, attributes);
}

// Room for brk: from where it ends now to the next mapping, at most kBreakReserveBytes.
Result<> reserve_break(ProcMaps& maps) {
  MemoryTable& table = memory_table();
  const auto now = static_cast<uint64_t>(sys::call(SYS_brk, 0));
  table.break_end = now;
  if (!table.break_start) table.break_start = now;
  const uint64_t start = wire::page_up(now);
  uint64_t limit = start + kBreakReserveBytes;
  maps.rewind();
  for (Mapping m; maps.next(m);)
    if (m.start >= start && m.start < limit + kGapBytes)
      limit = m.start > kGapBytes + start ? m.start - kGapBytes : start;
  table.break_limit = limit;
  if (limit == start) return {};
  TRY_VOID(map_from_segment(start, limit, kReadWrite));
  VmaAttributes reserved;
  reserved.kind = VmaKind::reserved;
  reserved.flags = kVmaBreak;
  return image_map().assign(start, limit, reserved);
}

// The control segment is sparse and was written by us alone: copy its beginning, the tables start anew.
Result<> convert_control() {
  constexpr uint64_t kTables = wire::kVmaImage;
  TRY(const long page_map, open_page_map());
  const Result<> copied = copy_present(page_map, wire::kControlBase, kTables);
  sys::call(SYS_close, page_map);
  if (!copied) return copied;
  return map_from_segment(wire::kControlBase, wire::kControlBase + wire::kControlBytes, kReadWrite);
}

} // namespace

bool is_converted(const Mapping& m) {
  if (m.is_shared || m.kind == MappingKind::kernel || is_node(m)) return false;
  // In an arena, where a parent of this process had one, the arena's own mapping will be in its place.
  if (m.kind != MappingKind::file || (m.prot & PROT_WRITE) || wire::in_arenas(m.start)) return true;
  return is_isolated() && !is_common_mapping(m.name);
}

Result<> convert_address_space() {
  // What is to be locked for good (mlockall with MCL_FUTURE) would fill the arenas as they are mapped.
  sys::call(SYS_munlockall);
  TRY_VOID(convert_control());
  TRY(ProcMaps maps, ProcMaps::read(pointer_to<char>(wire::kNodeScratch), wire::kNodeScratchBytes));
  TRY(const long page_map, open_page_map());
  for (Mapping m; maps.next(m);)
    if (is_converted(m) && !is_control(m)) TRY_VOID(copy_mapping(page_map, m));
  sys::call(SYS_close, page_map);
  TRY_VOID(map_arenas());
  TRY_VOID(format_maps());
  maps.rewind();
  uint64_t below = 0;
  for (Mapping m; maps.next(m); below = m.end) TRY_VOID(take_over(m, below));
  TRY_VOID(reserve_break(maps));
  return {};
}

} // namespace sp::memory
