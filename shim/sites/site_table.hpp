// SPDX-License-Identifier: Apache-2.0
// What the shim knows about a library's system-call sites. The finder (finder.hpp, hosted, with an instruction decoder)
// writes these tables at build time; the shim embeds them, compares the build id of what is loaded, and patches.
//
// A site's *run* is a few whole instructions around one `syscall`:
//
//   address                                                                          address + length
//     | `before` bytes, moved to the stub | syscall (2 bytes) | `after` bytes, moved to the stub |
//     | jmp rel32, int3 ... : `overwrite` bytes |
//
// The stub runs the moved instructions around the call and jumps to address + length. Nothing but `address` itself is
// ever jumped to within the first `overwrite` bytes. Where `before` >= 5 the `syscall` stays in place, so that a branch
// which enters the run behind the jump still works: Syscall User Dispatch catches it. Such a site is `entered`.
// A `syscall` whose neighbours are of no use is a run of its own two bytes, overwritten by a short jump over the distance
// `island`, to five bytes of padding that take the long one (padding.hpp).
// Guaranteed: length == before + 2 + after, before <= 16, after <= 12, before + after <= 24, 5 <= overwrite <= length (or 2),
// sites sorted by address, runs disjoint, moved bytes position independent, stack pointer untouched, and no flag is
// read behind the call that was set before it (the stub and its slow path may destroy flags, rcx and r11).
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace sp::shim {

struct SiteRecord {
  uint32_t address;  // ELF virtual address of the run, which is the first byte overwritten
  uint8_t length;    // bytes of the run
  uint8_t before;    // bytes of the instructions before the `syscall`
  uint8_t after;     // bytes of the instructions after it
  uint8_t overwrite; // bytes that the patch replaces: jmp rel32, the rest int3
  int16_t number;    // the system call's number where every way to the site agrees, else kNumberUnknown
  uint8_t entered;   // 1: something branches to what stays in place
  int8_t island;     // 0: none
  uint32_t check;    // site_check() of the run's original bytes, and the island's, to be verified before patching
};
static_assert(sizeof(SiteRecord) == 16 && alignof(SiteRecord) == 4);
static_assert(std::is_standard_layout_v<SiteRecord> && std::is_trivially_copyable_v<SiteRecord>);

struct SiteTable {
  const uint8_t* build_id; // contents of the file's NT_GNU_BUILD_ID note
  uint32_t build_id_bytes; // 0: the file has none, and the table must not be trusted by build id
  const SiteRecord* sites;
  uint32_t count;
  const char* soname;
  uint32_t stray_count; // ways into the kernel that are left when all sites are patched; 0: its code needs no trap
};
static_assert(std::is_standard_layout_v<SiteTable>);

inline constexpr int16_t kNumberUnknown = -1;
inline constexpr uint32_t kJumpBytes = 5;       // jmp rel32
inline constexpr uint32_t kSyscallBytes = 2;    // 0f 05
inline constexpr uint32_t kBeforeBytesMax = 16; // what a stub's slot has room for
inline constexpr uint32_t kAfterBytesMax = 12;
inline constexpr uint32_t kMovedBytesMax = 24;

// FNV-1a, 32 bits.
constexpr uint32_t site_check(const uint8_t* bytes, size_t count, uint32_t hash = 0x811c9dc5u) {
  for (size_t i = 0; i < count; i++) hash = (hash ^ bytes[i]) * 0x01000193u;
  return hash;
}

// Does the loaded code still hold what the record was made of?
inline bool is_intact(const uint8_t* run, const SiteRecord& site) {
  const uint32_t check = site_check(run, site.length);
  return site.check == (site.island ? site_check(run + kSyscallBytes + site.island, kJumpBytes, check) : check);
}

// The tables of the libraries that the build machine has: libc and the dynamic loader first.
std::span<const SiteTable> site_tables();

} // namespace sp::shim
