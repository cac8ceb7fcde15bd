// SPDX-License-Identifier: Apache-2.0
// The executable mappings of this process, one after the other: asked for where the kernel can tell them (PROCMAP_QUERY,
// since Linux 6.11, a tenth of the time), else found in the text of /proc/self/maps.
#pragma once
#include "libsuperproc/memory/proc_maps.hpp"

namespace sp::memory {

class CodeMappings {
public:
  // `memory` is for the text, or for a name. Errors as ProcMaps::read.
  static Result<CodeMappings> open(char* memory, uint64_t bytes);
  CodeMappings(CodeMappings&& other) noexcept : maps_(other.maps_), file_(other.file_), memory_(other.memory_) {
    other.file_ = -1;
  }
  ~CodeMappings();
  // The next one, or false at the end; its name is good until the next call.
  bool next(Mapping& mapping);

private:
  CodeMappings(const ProcMaps& maps, long file, char* memory) : maps_(maps), file_(file), memory_(memory) {}
  bool ask(Mapping& mapping);

  ProcMaps maps_;
  long file_; // -1: by text
  char* memory_;
  uint64_t at_ = 0;
};

} // namespace sp::memory
