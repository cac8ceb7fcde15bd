// SPDX-License-Identifier: Apache-2.0
// Where superproc's own things lie in an application's address space. All of it is below the 47-bit limit, above what
// AddressSanitizer shadows, and far from where Linux puts programs, heaps, libraries and stacks. An address tells by
// arithmetic what it belongs to.
//
//   0x1e00'0000'0000  control     one SubProcess's bookkeeping; shared by its residents once it is converted
//   0x1f00'0000'0000  node        what is a resident's own: its node, the stacks of its agent; never shared
//   0x2000'0000'0000  arenas      16 x 2 TiB, one for each node: anonymous memory, segment offset = address - start
//   0x4000'0000'0000  files       16 x 512 GiB, one for each node: file mappings made after conversion
//   0x4800'0000'0000  sources     8 TiB, at home only: the files behind copies of private mappings
#pragma once
#include <cstdint>

#include "libsuperproc/base/ids.hpp"

namespace sp::wire {

inline constexpr uint64_t kPageBytes = 4096;

inline constexpr uint64_t kControlBase = 0x1e00'0000'0000;
inline constexpr uint64_t kControlBytes = 512ull << 20;

inline constexpr uint64_t kNodeBase = 0x1f00'0000'0000;
inline constexpr uint64_t kNodeBytes = 32ull << 20;

inline constexpr uint64_t kArenaBase = 0x2000'0000'0000;
inline constexpr uint64_t kArenaBytes = 2ull << 40; // of one node
inline constexpr uint64_t kArenaEnd = kArenaBase + kNodeCountMax * kArenaBytes;

inline constexpr uint64_t kFileBase = 0x4000'0000'0000;
inline constexpr uint64_t kFileBytes = 512ull << 30; // of one node
inline constexpr uint64_t kFileEnd = kFileBase + kNodeCountMax * kFileBytes;

inline constexpr uint64_t kSourceBase = kFileEnd;
inline constexpr uint64_t kSourceBytes = 8ull << 40;
inline constexpr uint64_t kSourceEnd = kSourceBase + kSourceBytes;

inline constexpr uint64_t kUserStart = 16 * kPageBytes; // as vm.mmap_min_addr has it
inline constexpr uint64_t kUserEnd = 0x7fff'ffff'f000;

constexpr uint64_t page_down(uint64_t a) { return a & ~(kPageBytes - 1); }
constexpr uint64_t page_up(uint64_t a) { return (a + kPageBytes - 1) & ~(kPageBytes - 1); }

constexpr bool in_arenas(uint64_t a) { return a >= kArenaBase && a < kArenaEnd; }
constexpr bool in_files(uint64_t a) { return a >= kFileBase && a < kFileEnd; }
constexpr NodeId arena_node(uint64_t a) { return {static_cast<uint32_t>((a - kArenaBase) / kArenaBytes)}; }
constexpr uint64_t arena_start(NodeId n) { return kArenaBase + n.value * kArenaBytes; }
constexpr NodeId file_node(uint64_t a) { return {static_cast<uint32_t>((a - kFileBase) / kFileBytes)}; }
constexpr uint64_t file_start(NodeId n) { return kFileBase + n.value * kFileBytes; }

} // namespace sp::wire
