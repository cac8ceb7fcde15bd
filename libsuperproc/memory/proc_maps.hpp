// SPDX-License-Identifier: Apache-2.0
// Reads /proc/self/maps, or smaps, into memory that the caller gives, and walks it line by line, without libc.
#pragma once
#include <cstdint>

#include "libsuperproc/base/result.hpp"

namespace sp::memory {

enum class MappingKind : uint8_t { anonymous, file, heap, stack, kernel /* vdso, vvar */ };

struct Mapping {
  uint64_t start, end, offset;
  uint64_t inode;
  uint8_t prot;   // PROT_*
  bool is_shared; // 's' in the permissions
  MappingKind kind;
  const char* name; // up to the end of the line
};

// `name` as in that text.
MappingKind mapping_kind(const char* name, uint64_t inode);

// A line of smaps that tells of the mapping above.
constexpr bool is_detail(const char* line) { return *line >= 'A' && *line <= 'Z'; }

class ProcMaps {
public:
  // What has been read before.
  static ProcMaps in(const char* text) { return ProcMaps(text); }
  // Reads all of it; ENOMEM when `bytes` is too small.
  static Result<ProcMaps> read(char* memory, uint64_t bytes, const char* file = "/proc/self/maps");
  // The next mapping, or false at the end.
  bool next(Mapping& mapping);
  void rewind() { at_ = text_; }

private:
  explicit ProcMaps(const char* text) : text_(text), at_(text) {}
  const char* text_;
  const char* at_;
};

} // namespace sp::memory
