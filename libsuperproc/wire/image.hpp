// SPDX-License-Identifier: Apache-2.0
// An address space as it is rebuilt in a fresh process of another node: the child of a remote fork, or a resident. Who
// wants it writes this description into memory that both nodes have, a space of a pool (wire/pool.hpp) at kImageHome or a
// record's transfer areas, and asks the target's spd for a process (spd/restore.hpp), a fork's child at once, before it is
// written. There the restorer
// (spd/restorer/) reads it, checks all of it, maps the ranges, puts in what the runs say, and enters the program:
//
//   Image | ImageRange[range_count], rising, apart | ImageRun[run_count], rising, each in one range | texts
//
// Nobody writes to it between the word that it is there and the entry, whose code says that it has arrived; before the entry the
// restorer ends with an errno as its exit status, and has done nothing that anybody else could see.
// At the entry: the stack pointer is `stack`, rdi and rsi are the arguments, all signals are blocked and default, no file is open,
// kRestorerBase is the entry's to unmap. Everything else that a process has is for the entry to set.
#pragma once
#include <cstdint>
#include <type_traits>

#include "libsuperproc/wire/cluster.hpp"
#include "libsuperproc/wire/pool.hpp"

namespace sp::wire {

inline constexpr uint64_t kImageMagic = 0x31'65676d69'7073; // "spimge1"
inline constexpr uint64_t kImageBytesMax = 4ull << 20;
inline constexpr uint64_t kImageHome = 1ull << 47; // where it lies in a space: no program has this address

// Of the restorer, while it is there: its code, its stack, a copy of the description, places for vdso and vvar meanwhile.
inline constexpr uint64_t kRestorerBase = 0x1c00'0000'0000;
inline constexpr uint64_t kRestorerStackTop = kRestorerBase + (2ull << 20);
inline constexpr uint64_t kRestorerImage = kRestorerBase + (4ull << 20);
inline constexpr uint64_t kRestorerParked = kRestorerBase + (16ull << 20);
inline constexpr uint64_t kRestorerBytes = 32ull << 20;

// For RangeKind::kernel this is the range's offset.
enum class KernelMapping : uint32_t { vvar, vvar_clocks, vdso, count };
inline constexpr uint32_t kKernelMappingCount = static_cast<uint32_t>(KernelMapping::count);

enum class RangeKind : uint8_t {
  anonymous,
  segment, // at `offset` of `source`
  file,    // at `offset` of `path`, if that is still this device and inode
  kernel,  // vdso and vvar
  count
};

struct ImageRange {
  uint64_t start, bytes, offset;
  uint64_t device, inode;
  uint32_t path; // in the texts
  RangeKind kind;
  uint8_t protection; // PROT_*
  uint8_t is_shared;
  uint8_t grows_down;
  uint32_t source; // of a segment: the keeper's descriptor, kKeeperSegment or kKeeperPools + node
  uint32_t reserved;
};

enum class RunKind : uint32_t { copied, mapped /* copy-on-write */, count };

// Pages of a private range that differ from what it maps.
struct ImageRun {
  uint64_t start, bytes, offset;
  uint32_t source;
  RunKind kind;
};

// What /proc shows of a program (prctl(2), PR_SET_MM_MAP).
struct ProgramLayout {
  uint64_t start_code, end_code, start_data, end_data, start_break, end_break, start_stack;
  uint64_t argument_start, argument_end, environment_start, environment_end;
};
inline constexpr uint32_t kAuxiliaryMax = 64; // words

struct Image {
  uint64_t magic;
  uint64_t bytes; // of all
  uint32_t range_count;
  uint32_t run_count;
  uint32_t text_bytes;
  uint32_t program_file; // in the texts
  uint64_t entry, stack, arguments[2];
  ProgramLayout layout;
  uint32_t auxiliary_words;
  uint32_t reserved;
  uint64_t auxiliary[kAuxiliaryMax];
};
static_assert(std::is_standard_layout_v<Image> && sizeof(ImageRange) == 56 && sizeof(ImageRun) == 32);

inline ImageRange* ranges_of(Image& image) { return reinterpret_cast<ImageRange*>(&image + 1); }
inline ImageRun* runs_of(Image& image) { return reinterpret_cast<ImageRun*>(ranges_of(image) + image.range_count); }
inline char* texts_of(Image& image) { return reinterpret_cast<char*>(runs_of(image) + image.run_count); }

} // namespace sp::wire
