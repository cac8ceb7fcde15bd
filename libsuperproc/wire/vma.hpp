// SPDX-License-Identifier: Apache-2.0
// The list of address ranges of a shared address space, as it lies in shared memory: one VmaMapHeader, then `capacity`
// records of one cache line each. Record 0 is never used, so that a link of 0 means "none"; links are indices, so the
// layout may be copied and read anywhere.
//
// The records in use cover the window [start, end) completely and in order; free addresses have a record too. Who writes
// holds the address space's lock (not part of this) and makes `generation` odd while he does. A reader in another
// process takes no lock: he reads the generation, copies, reads it again, and judges the copy (memory/vma_reader.hpp).
#pragma once
#include <cstddef>
#include <cstdint>

#include "libsuperproc/wire/address_map.hpp"

namespace sp::wire {

inline constexpr uint64_t kVmaMapMagic = 0x0031'70616d'616d76; // "vmamap1"
inline constexpr uint32_t kVmaMapVersion = 1;

enum class VmaKind : uint8_t {
  free = 0,
  anonymous = 1,
  file_private = 2,
  file_shared = 3,
  shared_anonymous = 4,
  reserved = 5, // neither the program's nor to be given away
};
inline constexpr uint32_t kVmaKindCount = 6;

// Kinds whose file_offset moves with the address; the others carry 0 there.
constexpr bool has_file_offset(VmaKind kind) {
  return kind == VmaKind::file_private || kind == VmaKind::file_shared || kind == VmaKind::shared_anonymous;
}

struct VmaAttributes {
  uint64_t file_offset = 0; // of the first byte that the attributes are about
  uint32_t file_id = 0;     // which file or shared object; 0: none
  uint32_t flags = 0;       // the owner's of the map; compared, never interpreted
  uint16_t applied = 0;     // bit n: node n's kernel mapping has this protection already
  uint8_t prot = 0;         // PROT_READ | PROT_WRITE | PROT_EXEC
  VmaKind kind = VmaKind::free;

  friend constexpr bool operator==(const VmaAttributes&, const VmaAttributes&) = default;
};

struct alignas(64) Vma {
  uint64_t start;
  uint64_t end;
  uint64_t file_offset;
  uint32_t file_id;
  uint32_t flags;
  uint16_t applied;
  uint8_t prot;
  VmaKind kind;
  // The map's own links; 0 in records that were copied out.
  uint32_t parent;
  uint32_t child[2]; // lower addresses, higher addresses
  uint32_t previous; // in the order of addresses
  uint32_t next;     // ... and of the unused records
  uint32_t bin_previous;
  uint32_t bin_next;

  uint64_t bytes() const { return end - start; }
  // What holds at `address`, which lies in the record.
  VmaAttributes attributes(uint64_t address) const {
    const uint64_t moved = has_file_offset(kind) ? file_offset + (address - start) : 0;
    return {moved, file_id, flags, applied, prot, kind};
  }
  VmaAttributes attributes() const { return attributes(start); }
};
static_assert(sizeof(Vma) == 64 && offsetof(Vma, parent) == 36);

inline constexpr uint32_t kVmaExactBinCount = 64; // free records of 1 .. 64 pages, a bin for each size
inline constexpr uint32_t kVmaBinCount = kVmaExactBinCount + 46 * 4; // then four size classes for each power of two
inline constexpr uint32_t kVmaBinWordCount = (kVmaBinCount + 63) / 64;

struct alignas(64) VmaMapHeader {
  uint64_t magic;
  uint32_t version;
  uint32_t record_bytes; // sizeof(Vma) of the writer
  uint64_t start;        // the window
  uint64_t end;
  uint32_t generation; // odd while a change is under way
  uint32_t capacity;   // records, without record 0
  uint32_t high;       // highest record that was ever used: what a reader must copy
  uint32_t count;      // records in use
  uint32_t unused;     // head of the records that were used and given back
  uint32_t root;
  uint32_t first;      // record at `start`
  uint32_t last;       // record before `end`: the top
  uint64_t used_bytes; // not free
  uint64_t reserved[3];
  uint64_t bin_bitmap[kVmaBinWordCount]; // bit b: bins[b] is not empty
  uint32_t bins[kVmaBinCount];
};
inline constexpr size_t kVmaRecordsOffset = sizeof(VmaMapHeader);
static_assert(kVmaRecordsOffset % alignof(Vma) == 0);

} // namespace sp::wire
