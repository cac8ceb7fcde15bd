// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/kept_pages.hpp"

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/memory/protection.hpp"
#include "libsuperproc/memory/vma_flags.hpp"

namespace sp::memory {

namespace {

using wire::Vma;

constexpr uint64_t kKeptBytesMax = 16 << 20; // of one arena
constexpr uint64_t kBlockBytesMax = 1 << 20;
constexpr uint64_t kSurelyTouchedBytes = 16 << 10; // most likely: no need to ask

// In memory, all of it? A page that is missing may be swapped out; then the block goes the ordinary way.
bool is_present(uint64_t start, uint64_t end) {
  uint8_t present[kBlockBytesMax / wire::kPageBytes];
  if (sys::call(SYS_mincore, start, end - start, present) != 0) return false;
  for (uint64_t i = 0; i < (end - start) / wire::kPageBytes; ++i)
    if (!(present[i] & 1)) return false;
  return true;
}

void clear(uint64_t start, uint64_t end) {
  auto* target = pointer_to<void>(start);
  uint64_t words = (end - start) / sizeof(uint64_t);
  asm volatile("rep stosq" : "+D"(target), "+c"(words) : "a"(uint64_t{0}) : "memory");
}

} // namespace

bool free_but_keep_pages(Window& window) {
  const uint64_t start = window.start, end = window.end, bytes = end - start;
  if (!window.is_arena || bytes > kBlockBytesMax || window.closing.kept_bytes + bytes > kKeptBytesMax) return false;
  const Vma& vma = window.map.find(start);
  if (vma.kind != VmaKind::anonymous || vma.prot != kReadWrite || vma.flags || vma.end < end) return false;
  if (has_time_to_close(window)) return false;
  if (bytes > kSurelyTouchedBytes && !is_present(start, end)) return false;
  clear(start, end);
  VmaAttributes free;
  free.flags = kVmaKept;
  if (!window.map.assign(start, end, free)) return false;
  window.closing.kept_bytes += bytes;
  return true;
}

void forget_kept(Window& window, uint64_t start, uint64_t end) {
  if (!window.closing.kept_bytes) return;
  window.map.each(start, end, [&](const Vma& vma) {
    if (vma.kind == VmaKind::free && (vma.flags & kVmaKept)) window.closing.kept_bytes -= vma.bytes();
  });
}

} // namespace sp::memory
