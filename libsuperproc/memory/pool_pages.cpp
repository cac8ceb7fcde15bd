// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/pool_pages.hpp"

#include <sys/mman.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/memory/proc_maps.hpp"
#include "libsuperproc/wire/control_tables.hpp"

namespace sp::memory {

namespace {

struct Piece {
  uint64_t start, end;
};
constexpr uint32_t kPieceCountMax = 256;
// Where such memory was once; what is there now /proc/self/maps tells.
constinit Piece pieces[kPieceCountMax] = {};
constinit uint32_t piece_count = 0;

// In the node's scratch memory, like what else is of use for the time of one call.
constexpr uint64_t kMaps = wire::kNodeScratch, kMapsBytes = 4 * wire::kMegabyte;
constexpr uint64_t kOnItsWay = kMaps + kMapsBytes, kChunkBytes = 512 << 10;
constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;

void drop(uint64_t start, uint64_t end, int protection) {
  sys::call(SYS_mmap, start, end - start, protection, kAnonymous, -1, 0);
}

// It is not there while it is on its way: nothing else of this process runs.
void copy(uint64_t start, uint64_t end, int protection) {
  for (uint64_t at = start; at < end; at += kChunkBytes) {
    const uint64_t bytes = end - at < kChunkBytes ? end - at : kChunkBytes;
    if (!(protection & PROT_READ) && sys::call(SYS_mprotect, at, bytes, PROT_READ) != 0) return;
    __builtin_memcpy(reinterpret_cast<void*>(kOnItsWay), reinterpret_cast<void*>(at), bytes);
    if (sys::failed(sys::call(SYS_mmap, at, bytes, PROT_READ | PROT_WRITE, kAnonymous | MAP_POPULATE, -1, 0))) return;
    __builtin_memcpy(reinterpret_cast<void*>(at), reinterpret_cast<void*>(kOnItsWay), bytes);
    if (protection != (PROT_READ | PROT_WRITE)) sys::call(SYS_mprotect, at, bytes, protection);
  }
  sys::call(SYS_madvise, kOnItsWay, kChunkBytes, MADV_DONTNEED);
}

bool may_be_there(uint64_t start, uint64_t end) {
  for (uint32_t i = 0; i < piece_count; ++i)
    if (start < pieces[i].end && pieces[i].start < end) return true;
  return false;
}

} // namespace

bool has_pool_pages() { return piece_count != 0; }

int pool_number(const char* name) {
  for (const char* const prefix : {"/memfd:superproc-pool-", "/superproc-pool-"}) {
    const char *wanted = prefix, *at = name;
    while (*wanted && *wanted == *at) ++wanted, ++at;
    if (*wanted || *at < '0' || *at > '9') continue;
    uint32_t node = 0;
    for (; *at >= '0' && *at <= '9' && node < kNodeCountMax; ++at) node = node * 10 + static_cast<uint32_t>(*at - '0');
    return node < kNodeCountMax ? static_cast<int>(node) : -1;
  }
  return -1;
}

bool is_pool_pages(const Mapping& m) { return !m.is_shared && pool_number(m.name) >= 0; }

bool note_pool_pages(uint64_t start, uint64_t end) {
  for (uint32_t i = 0; i < piece_count; ++i)
    if (pieces[i].start <= start && end <= pieces[i].end) return true;
  if (piece_count == kPieceCountMax) return false;
  pieces[piece_count++] = {start, end};
  return true;
}

void make_anonymous(uint64_t start, uint64_t bytes, Contents contents) {
  const uint64_t end = bytes > wire::kUserEnd - start ? wire::kUserEnd : wire::page_up(start + bytes);
  if (start > wire::kUserEnd || !may_be_there(start, end)) return;
  Result<ProcMaps> maps = ProcMaps::read(reinterpret_cast<char*>(kMaps), kMapsBytes);
  if (!maps) return;
  for (Mapping m; maps->next(m) && m.start < end;) {
    if (m.end <= start || !is_pool_pages(m)) continue;
    const uint64_t from = m.start > start ? m.start : wire::page_down(start), to = m.end < end ? m.end : end;
    contents == Contents::dropped ? drop(from, to, m.prot) : copy(from, to, m.prot);
  }
}

} // namespace sp::memory
