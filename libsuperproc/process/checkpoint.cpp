// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/checkpoint.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/path.hpp"
#include "libsuperproc/cluster/common_files.hpp"
#include "libsuperproc/cluster/pool.hpp"
#include "libsuperproc/memory/attachments.hpp"
#include "libsuperproc/memory/own_pages.hpp"
#include "libsuperproc/memory/pool_pages.hpp"
#include "libsuperproc/memory/proc_maps.hpp"
#include "libsuperproc/process/program_layout.hpp"
#include "libsuperproc/wire/control_tables.hpp"
#include "vfd/body.hpp"

namespace sp {

namespace {

using memory::Mapping, memory::MappingKind, memory::PageRun;
using wire::ImageRange, wire::ImageRun, wire::KernelMapping, wire::RangeKind, wire::RunKind;

// All that is written meanwhile lies in the node's scratch memory, which has no part in the image.
constexpr uint64_t kMaps = wire::kNodeScratch, kMapsBytes = 4 * wire::kMegabyte;
constexpr uint64_t kPages = kMaps + kMapsBytes, kPagesBytes = wire::kMegabyte;
constexpr uint64_t kDraft = kPages + kPagesBytes;
constexpr uint64_t kAfterScratch = wire::kNodeScratch + wire::kNodeScratchBytes;

struct Draft {
  static constexpr uint32_t kRangesMax = 16384, kRunsMax = 32768, kTextsMax = 1 << 20;
  wire::Image image;
  uint64_t page_bytes; // of all runs
  ImageRange ranges[kRangesMax];
  ImageRun runs[kRunsMax];
  char texts[kTextsMax];
};
static_assert(kDraft + sizeof(Draft) <= kAfterScratch);
static_assert(sizeof(wire::Image) + sizeof Draft::ranges + sizeof Draft::runs + sizeof Draft::texts <=
              wire::kImageBytesMax);
Draft& draft() { return *reinterpret_cast<Draft*>(kDraft); }

// ---- ranges ----

bool is_named(const Mapping& m, const char* name) {
  const char* p = m.name;
  while (*name)
    if (*p++ != *name++) return false;
  return *p == '\n' || *p == 0;
}

Result<uint32_t> add_text(const char* text) {
  Draft& d = draft();
  const uint32_t at = d.image.text_bytes;
  for (;; ++text) {
    const bool ends = *text == 0 || *text == '\n';
    if (d.image.text_bytes == Draft::kTextsMax) return fail(ENOBUFS);
    d.texts[d.image.text_bytes++] = ends ? '\0' : *text;
    if (ends) return at;
  }
}

// The file under the name that /proc/self/maps has; the name of a deleted or nameless one leads nowhere.
Result<> describe_file(const Mapping& m, ImageRange& range) {
  Draft& d = draft();
  const ImageRange* const before = d.image.range_count ? &d.ranges[d.image.range_count - 1] : nullptr;
  if (before && before->kind == RangeKind::file && before->inode == m.inode && is_named(m, d.texts + before->path)) {
    range.path = before->path, range.device = before->device, range.inode = before->inode;
    return {};
  }
  TRY(range.path, add_text(m.name));
  struct stat about {};
  const char* const path = d.texts + range.path;
  if (path[0] != '/' || sys::failed(sys::call(SYS_stat, path, &about)) || about.st_ino != m.inode ||
      !is_common_file(path))
    return fail(ENOTSUP);
  range.device = about.st_dev, range.inode = about.st_ino;
  return {};
}

// The keeper's descriptor of the pool that is mapped, 0: it is none.
uint32_t pool_named(const Mapping& m) {
  const int node = m.kind == MappingKind::file ? memory::pool_number(m.name) : -1;
  return node < 0 ? 0 : static_cast<uint32_t>(wire::kKeeperPools + node);
}

Result<ImageRange> describe_range(const Mapping& m) {
  ImageRange range{};
  range.start = m.start, range.bytes = m.end - m.start, range.offset = m.offset;
  range.protection = m.prot, range.is_shared = m.is_shared;
  range.kind = RangeKind::anonymous;
  constexpr const char* kNames[wire::kKernelMappingCount] = {"[vvar]", "[vvar_vclock]", "[vdso]"};
  for (uint32_t i = 0; i < wire::kKernelMappingCount; ++i)
    if (is_named(m, kNames[i])) return range.kind = RangeKind::kernel, range.offset = i, range;
  if (m.start >= wire::kClusterBase && m.end <= wire::kClusterBase + wire::kClusterBytes && m.is_shared)
    return range.kind = RangeKind::segment, range.source = wire::kKeeperSegment, range;
  if (const uint32_t pool = pool_named(m)) {
    range.kind = RangeKind::segment, range.source = pool;
  } else if (m.kind == MappingKind::file) {
    range.kind = RangeKind::file;
    TRY_VOID(describe_file(m, range));
  } else {
    range.offset = 0;
    range.grows_down = m.kind == MappingKind::stack;
    if (m.is_shared) return fail(ENOTSUP);
  }
  return range;
}

// ---- the pages that it has ----

Result<> add_run(const ImageRange& range, uint64_t start, uint64_t end) {
  Draft& d = draft();
  if (start >= end) return {};
  ImageRun* const last = d.image.run_count ? &d.runs[d.image.run_count - 1] : nullptr;
  d.page_bytes += end - start;
  if (last && last->start >= range.start && last->start + last->bytes == start)
    return last->bytes += end - start, Result<>{};
  if (d.image.run_count == Draft::kRunsMax) return fail(ENOBUFS);
  d.runs[d.image.run_count++] = {start, end - start, 0, 0, RunKind::copied};
  return {};
}

uint64_t later(uint64_t a, uint64_t b) { return a > b ? a : b; }
uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

enum class Whom { child, resident };

bool is_home_s_own(const Mapping& m) { return m.start >= wire::kSourceBase && m.end <= wire::kSourceEnd; }
bool is_node_region(const ImageRange& r) {
  return r.start >= wire::kNodeBase && r.start + r.bytes <= wire::kNodeBase + wire::kNodeBytes;
}

Result<> describe_ranges(Whom whom) {
  Draft& d = draft();
  TRY(memory::ProcMaps maps, memory::ProcMaps::read(pointer_to<char>(kMaps), kMapsBytes));
  for (Mapping m; maps.next(m) && m.end <= wire::kUserEnd;) {
    if (d.image.range_count == Draft::kRangesMax) return fail(ENOBUFS);
    if (memory::is_witness(m.start)) continue;
    if (whom == Whom::resident && is_home_s_own(m)) continue;
    TRY(d.ranges[d.image.range_count], describe_range(m));
    d.image.range_count++;
  }
  return {};
}

bool has_own_pages(const ImageRange& r, Whom whom) {
  const bool is_clock = r.kind == RangeKind::kernel && r.offset != static_cast<uint64_t>(KernelMapping::vdso);
  return !r.is_shared && !is_clock && !(whom == Whom::resident && is_node_region(r));
}

// Of the ranges from the first to the last, at one look: none of them is shared.
Result<> add_runs(uint32_t first, uint32_t last, memory::OwnPages& pages) {
  const ImageRange* range = draft().ranges + first;
  const uint64_t end = draft().ranges[last].start + draft().ranges[last].bytes;
  pages.look_in(range->start, end);
  for (PageRun run;;) {
    TRY(const bool more, pages.next(run));
    if (!more) return {};
    while (range->start + range->bytes <= run.start) ++range;
    for (;; ++range) { // what lies between two is no part of the image
      const uint64_t start = later(run.start, range->start), range_end = range->start + range->bytes;
      TRY_VOID(add_run(*range, start, earlier(earlier(run.end, range_end), wire::kNodeScratch)));
      TRY_VOID(add_run(*range, later(start, kAfterScratch), earlier(run.end, range_end)));
      if (run.end <= range_end) break;
    }
  }
}

Result<> describe_pages(long pagemap, Whom whom) {
  const Draft& d = draft();
  memory::OwnPages pages(pagemap, pointer_to<void>(kPages), kPagesBytes);
  for (uint32_t first = 0, last; first < d.image.range_count; first = last + 1) {
    last = first;
    if (!has_own_pages(d.ranges[first], whom)) continue;
    while (pages.skips_gaps() && last + 1 < d.image.range_count && has_own_pages(d.ranges[last + 1], whom)) ++last;
    TRY_VOID(add_runs(first, last, pages));
  }
  return {};
}

Result<> describe_all(const Entry& entry, Whom whom) {
  Draft& d = draft();
  d.image = {};
  d.page_bytes = 0;
  d.image.magic = wire::kImageMagic;
  d.image.entry = entry.code, d.image.stack = entry.stack;
  d.image.arguments[0] = entry.arguments[0], d.image.arguments[1] = entry.arguments[1];
  char program[4096];
  const long bytes = sys::call(SYS_readlink, "/proc/self/exe", program, sizeof program - 1);
  program[bytes > 0 ? bytes : 0] = 0;
  TRY(d.image.program_file, add_text(program));
  TRY_VOID(read_program_layout(d.image, pointer_to<char>(kPages), kPagesBytes));
  TRY_VOID(describe_ranges(whom));
  TRY(const long pagemap, from_raw(sys::call(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC)));
  const Result<> described = describe_pages(pagemap, whom);
  sys::call(SYS_close, pagemap);
  d.image.bytes = sizeof d.image + d.image.range_count * sizeof(ImageRange) + d.image.run_count * sizeof(ImageRun) +
                  d.image.text_bytes;
  return described;
}

// ---- spaces that this process has memory of ----

constexpr uint32_t kHeldMax = 16;
constinit uint32_t held[kHeldMax] = {}, held_count = 0;

// ---- where it goes ----

// A piece of memory that both nodes have, written by the kernel, or by us where it is mapped here.
class Target {
public:
  Target(uint32_t source, long file, uint64_t mapped) : source_(source), file_(file), mapped_(mapped) {}
  uint32_t source() const { return source_; }
  Result<> write(uint64_t offset, const void* from, uint64_t bytes) const {
    if (mapped_) {
      __builtin_memcpy(pointer_to<void>(mapped_ + offset), from, bytes);
      return {};
    }
    for (const auto* at = static_cast<const char*>(from); bytes;) {
      TRY(const long done, from_raw(sys::call(SYS_pwrite64, file_, at, bytes, offset)));
      at += done, offset += static_cast<uint64_t>(done), bytes -= static_cast<uint64_t>(done);
    }
    return {};
  }

private:
  uint32_t source_;
  long file_;
  uint64_t mapped_;
};

Result<> write_description(const Target& target, uint64_t offset) {
  Draft& d = draft();
  const auto add = [&](const void* from, uint64_t bytes) -> Result<> {
    TRY_VOID(target.write(offset, from, bytes));
    offset += bytes;
    return {};
  };
  TRY_VOID(add(&d.image, sizeof d.image));
  TRY_VOID(add(d.ranges, d.image.range_count * sizeof(ImageRange)));
  TRY_VOID(add(d.runs, d.image.run_count * sizeof(ImageRun)));
  return add(d.texts, d.image.text_bytes);
}

// place(run): its offset in the target.
template <class Function>
Result<> write_pages(const Target& target, Function place) {
  Draft& d = draft();
  const ImageRange* range = d.ranges;
  for (uint32_t i = 0; i < d.image.run_count; ++i) {
    ImageRun& run = d.runs[i];
    while (range->start + range->bytes <= run.start) ++range;
    run.source = target.source();
    run.offset = place(run);
    const bool is_hidden = !(range->protection & PROT_READ);
    if (is_hidden) TRY_VOID(from_raw(sys::call(SYS_mprotect, run.start, run.bytes, PROT_READ)));
    const Result<> written = target.write(run.offset, pointer_to<void>(run.start), run.bytes);
    if (is_hidden) sys::call(SYS_mprotect, run.start, run.bytes, range->protection);
    TRY_VOID(written);
  }
  return {};
}

Result<Checkpoint> write_to_record(uint32_t record) {
  const uint64_t start = wire::transfer_area(record, 0) - wire::kClusterBase;
  const Target target(wire::kKeeperSegment, -1, wire::kClusterBase);
  uint64_t next = start + wire::page_up(draft().image.bytes);
  constexpr int kPopulateWrite = 23; // MADV_POPULATE_WRITE since Linux 5.14: sooner than a fault for each page
  sys::call(SYS_madvise, wire::kClusterBase + start, next - start + draft().page_bytes, kPopulateWrite);
  TRY_VOID(write_pages(target, [&](const ImageRun& run) { return next += run.bytes, next - run.bytes; }));
  TRY_VOID(write_description(target, start));
  return Checkpoint{wire::kKeeperSegment, start, kNoSpace, false, draft().page_bytes};
}

// Large runs are sooner mapped than copied. Noted before any page is written, for the restored process to know.
bool choose_mapped(uint32_t space) {
  constexpr uint64_t kLargeBytes = 256 << 10;
  bool any = false;
  if (held_count == kHeldMax) return false;
  for (uint32_t i = 0; i < draft().image.run_count; ++i) {
    ImageRun& run = draft().runs[i];
    if (run.bytes < kLargeBytes || !memory::note_pool_pages(run.start, run.start + run.bytes)) continue;
    run.kind = RunKind::mapped;
    any = true;
  }
  if (any) held[held_count++] = space;
  return any;
}

Result<Checkpoint> write_to_space(uint32_t space, NodeId node, long pool) {
  const auto source = static_cast<uint32_t>(wire::kKeeperPools) + node.value;
  const Target target(source, pool, 0);
  const bool is_mapped = choose_mapped(space);
  TRY_VOID(write_pages(target, [&](const ImageRun& run) { return wire::pool_offset(space, run.start); }));
  TRY_VOID(write_description(target, wire::pool_offset(space, wire::kImageHome)));
  return Checkpoint{source, wire::pool_offset(space, wire::kImageHome), space, is_mapped, draft().page_bytes};
}

} // namespace

void hold_spaces_as_child() {
  for (uint32_t i = 0; i < held_count; ++i)
    (void)hold_space(held[i], vfd::membership.node, static_cast<int32_t>(sys::call(SYS_getpid)));
}

bool holds_spaces() { return held_count != 0; }

Result<Checkpoint> write_checkpoint(uint32_t record, NodeId target, const Entry& entry) {
  TRY_VOID(describe_all(entry, Whom::child));
  if (wire::page_up(draft().image.bytes) + draft().page_bytes <= wire::kDepartureTextMax - wire::kBelongingsBytes)
    return write_to_record(record);
  const NodeId here = vfd::membership.node;
  const uint32_t space = claim_space(here);
  if (space == kNoSpace) return fail(ENOSPC);
  const long pool = open_pool(target);
  const Result<Checkpoint> written =
      sys::failed(pool) ? fail(static_cast<int>(-pool)) : write_to_space(space, target, pool);
  sys::call(SYS_close, pool);
  if (!written) let_go_space(space, here, static_cast<int32_t>(sys::call(SYS_getpid)));
  return written;
}

Result<> describe_resident(uint32_t space, const Entry& entry) {
  TRY_VOID(describe_all(entry, Whom::resident));
  const NodeId home = vfd::membership.node;
  TRY(const long pool, from_raw(open_pool(home)));
  const Target target(static_cast<uint32_t>(wire::kKeeperPools) + home.value, pool, 0);
  Result<> written = write_pages(target, [&](const ImageRun& run) { return wire::pool_offset(space, run.start); });
  if (written) written = write_description(target, wire::pool_offset(space, wire::kImageHome));
  sys::call(SYS_close, pool);
  return written;
}

} // namespace sp
