// SPDX-License-Identifier: Apache-2.0
// Mappings of files after conversion: made by every resident at the same address, which is why addresses of their own are
// given to them. A private file that may be written becomes a copy in a segment instead, since private pages would be one
// resident's. Shared anonymous memory is a file too, so that a fork's child still shares it.
#pragma once
#include <cstdint>

namespace sp::memory {

struct FileRequest {
  uint64_t bytes;
  int prot;
  int flags;
  int fd;
  uint64_t offset;
};

// With MAP_FIXED or MAP_FIXED_NOREPLACE at the address, else at one of this node's file window. Returns what mmap would.
long map_file(uint64_t address, const FileRequest& request);
long map_shared_anonymous(uint64_t address, const FileRequest& request);
// Is it /dev/zero, whose mappings are anonymous memory by another name?
bool is_zero_device(int fd);

} // namespace sp::memory
