// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/core_dump.hpp"

#include <sys/mman.h>
#include <sys/resource.h>

#include "libsuperproc/memory/extents.hpp"
#include "libsuperproc/memory/memory_table.hpp"
#include "libsuperproc/memory/vma_flags.hpp"

namespace sp::memory {

namespace {

using wire::Vma;

void set_dumped(uint64_t start, uint64_t end, int advice) { sys::call(SYS_madvise, start, end - start, advice); }

// Other threads still run, and one of them may have died with the lock.
bool acquire_soon(Lock& lock) {
  for (int tries = 0; tries < 100; ++tries) {
    if (lock.try_acquire()) return true;
    const timespec moment{0, 100'000};
    sys::call(SYS_nanosleep, &moment, nullptr);
  }
  return false;
}

void include_existing(const Vma& vma, long fd) {
  (void)for_extents(vma.start, vma.end, fd, [](uint64_t start, uint64_t end, uint64_t) -> Result<> {
    set_dumped(start, end, MADV_DODUMP);
    return {};
  });
}

bool is_dumped(const Vma& vma) { return vma.kind == VmaKind::anonymous && vma.prot != PROT_NONE; }

void limit_arena(NodeId node) {
  set_dumped(wire::arena_start(node), wire::arena_start(node) + wire::kArenaBytes, MADV_DONTDUMP);
  if (!acquire_soon(memory_table().arena_locks[node.value].lock)) return;
  const SegmentDescriptor fd(node.value + 1);
  const VmaMap map = arena_map(node);
  for (const Vma* vma = &map.first(); vma && fd.value() >= 0; vma = map.next(*vma))
    if (is_dumped(*vma)) include_existing(*vma, fd.value());
  memory_table().arena_locks[node.value].lock.release();
}

void limit_image() {
  if (!acquire_soon(memory_table().outside_lock)) return;
  const SegmentDescriptor fd(kImageSegment);
  const VmaMap map = image_map();
  for (const Vma* vma = &map.first(); vma; vma = map.next(*vma)) {
    const bool is_reserve = vma->kind == VmaKind::reserved && (vma->flags & kVmaBreak);
    if (vma->kind != VmaKind::anonymous && !is_reserve) continue;
    set_dumped(vma->start, vma->end, MADV_DONTDUMP);
    if (is_dumped(*vma) && fd.value() >= 0) include_existing(*vma, fd.value());
  }
  memory_table().outside_lock.release();
}

} // namespace

void limit_core_dump() {
  rlimit limit{};
  if (sys::call(SYS_prlimit64, 0, RLIMIT_CORE, nullptr, &limit) == 0 && limit.rlim_cur == 0) return;
  for (uint32_t n = 0; n < node_count(); ++n) limit_arena({n});
  limit_image();
  set_dumped(wire::kControlBase, wire::kControlBase + wire::kControlBytes, MADV_DONTDUMP);
  set_dumped(wire::kNodeScratch, wire::kNodeScratch + wire::kNodeScratchBytes, MADV_DONTDUMP);
}

} // namespace sp::memory
