// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/large_runs.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/memory/own_pages.hpp"
#include "libsuperproc/memory/pool_pages.hpp"
#include "libsuperproc/memory/proc_maps.hpp"
#include "libsuperproc/wire/control_tables.hpp"

namespace sp::memory {

namespace {

constexpr uint64_t kMaps = wire::kNodeScratch, kMapsBytes = 8 * wire::kMegabyte;
constexpr uint64_t kPages = kMaps + kMapsBytes, kPagesBytes = wire::kMegabyte;
constexpr uint64_t kFound = kPages + kPagesBytes;
static_assert(kFound + sizeof(LargeRuns) <= wire::kNodeScratch + wire::kNodeScratchBytes);
constexpr uint64_t kJoinedBytes = 64 << 10; // a shorter gap becomes part of the run

// Of the words after "VmFlags:", proc_pid_smaps(5): readable, writable, may be both or run, accounted, not accounted, changed.
bool is_ordinary_flag(const char* flag) {
  constexpr const char* kOrdinary = "rd wr mr mw me ac nr sd";
  for (const char* known = kOrdinary;; known += 3) {
    if (known[0] == flag[0] && known[1] == flag[1]) return true;
    if (!known[2]) return false;
  }
}

// The line of these details that begins so, behind that; null: there is none. `at`: in the line of the mapping.
const char* detail(const char* at, const char* name) {
  for (;;) {
    while (*at && *at != '\n') ++at;
    if (!*at || !is_detail(++at)) return nullptr;
    const char* after = at;
    const char* p = name;
    while (*p && *p == *after) ++p, ++after;
    if (!*p) return after;
  }
}

bool is_ordinary(const Mapping& m) {
  const char* flags = detail(m.name, "VmFlags: ");
  if (!flags || !(m.prot & PROT_READ)) return false;
  for (; *flags && *flags != '\n'; flags += 3)
    if (!is_ordinary_flag(flags)) return false;
  const char* key = detail(m.name, "ProtectionKey:");
  while (key && *key == ' ') ++key;
  return !key || (key[0] == '0' && key[1] == '\n');
}

bool is_ours(const Mapping& m) { return m.start >= wire::kControlBase && m.start < wire::kSourceEnd; }

void add(LargeRuns& found, uint64_t start, uint64_t end, int protection) {
  if (end - start < kLargeRunBytes || found.count == kLargeRunsMax) return;
  found.runs[found.count++] = {start, end, protection};
  found.bytes += end - start;
}

Result<> add_own(LargeRuns& found, const Mapping& m, OwnPages& pages) {
  pages.look_in(m.start, m.end);
  PageRun joined{0, 0};
  for (PageRun run;;) {
    TRY(const bool more, pages.next(run));
    if (more && joined.end && run.start - joined.end < kJoinedBytes) {
      joined.end = run.end;
      continue;
    }
    if (joined.end) add(found, joined.start, joined.end, m.prot);
    if (!more) return {};
    joined = run;
  }
}

Result<> add_all(LargeRuns& found, long pagemap) {
  OwnPages pages(pagemap, reinterpret_cast<void*>(kPages), kPagesBytes);
  TRY(ProcMaps maps, ProcMaps::read(reinterpret_cast<char*>(kMaps), kMapsBytes, "/proc/self/smaps"));
  for (Mapping m; maps.next(m) && m.end <= wire::kUserEnd;) {
    const bool in_pool = is_pool_pages(m);
    const bool is_plain = !m.is_shared && !is_ours(m) && is_ordinary(m);
    const uint32_t before = found.count;
    if (is_plain && in_pool) add(found, m.start, m.end, m.prot);
    if (is_plain && (m.kind == MappingKind::anonymous || m.kind == MappingKind::heap))
      TRY_VOID(add_own(found, m, pages));
    if (in_pool && found.count == before) found.has_all_pool_pages = false;
  }
  return {};
}

} // namespace

Result<const LargeRuns*> find_large_runs() {
  auto& found = *reinterpret_cast<LargeRuns*>(kFound);
  found = {};
  TRY(const long pagemap, from_raw(sys::call(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC)));
  const Result<> added = add_all(found, pagemap);
  sys::call(SYS_close, pagemap);
  sys::call(SYS_madvise, kMaps, kMapsBytes + kPagesBytes, MADV_DONTNEED);
  if (!added) return fail(added.error().value);
  return &found;
}

} // namespace sp::memory
