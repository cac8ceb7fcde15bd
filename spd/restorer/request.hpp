// SPDX-License-Identifier: Apache-2.0
// What the restorer is called with; it lies on its stack. It runs in a process of its own, a copy of spd's, at
// kRestorerBase, where spd has put its code: nothing of spd is left when it has begun.
#pragma once
#include "libsuperproc/wire/image.hpp"

namespace sp::spd {

struct RestoreRequest {
  // The record that will say where the description is, and which use of it (wire::Arrival); or it is there already:
  static constexpr uint32_t kDescribed = ~0u;
  uint32_t record, use;
  uint32_t source; // the keeper's descriptor of the memory that has it ...
  uint32_t drops_privileges;
  uint64_t offset; // ... and where in it
  struct {
    uint64_t start, bytes; // 0: this kernel has none
  } kernel_mappings[wire::kKernelMappingCount];
};

} // namespace sp::spd
