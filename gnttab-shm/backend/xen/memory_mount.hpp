// SPDX-License-Identifier: Apache-2.0
// Physical memory as files, by the kernel module (gnttab-shm/module), in a mount that no folder shows: it is gone with its last
// descriptor and mapping. CAP_SYS_ADMIN.
#pragma once
#include "gnttab-shm/backend/xen/grant_device.hpp"

namespace sp::xen {

// In bytes, multiples of 2 MiB: a segment, then pools of one size.
struct MemoryParts {
  uint64_t start = 0, segment_bytes = 0, pool_bytes = 0;
  uint32_t pools = 0;
};

// ENODEV: the module is not there.
Result<void> has_memory_files();
Result<Descriptor> mount_memory(const MemoryParts& parts);
Result<Descriptor> open_memory_file(const Descriptor& mount, const char* name);

inline constexpr const char* kMemorySegmentName = "superproc-segment";

} // namespace sp::xen
