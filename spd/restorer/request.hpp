// SPDX-License-Identifier: Apache-2.0
// What the restorer is called with; it lies on its stack. It runs in a process of its own, a copy of spd's, at
// kRestorerBase, where spd has put its code: nothing of spd is left when it has begun.
#pragma once
#include "libsuperproc/wire/image.hpp"

namespace sp::spd {

struct RestoreRequest {
  uint32_t source; // the keeper's descriptor of the memory that has the description ...
  uint32_t drops_privileges;
  uint64_t offset; // ... and where in it
  struct {
    uint64_t start, bytes; // 0: this kernel has none
  } kernel_mappings[wire::kKernelMappingCount];
};

} // namespace sp::spd
