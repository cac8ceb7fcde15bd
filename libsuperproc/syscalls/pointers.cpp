// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/pointers.hpp"

#include "vfd/program_memory.hpp"

namespace sp {

namespace {
constexpr uint64_t kLookMax = 256; // as many bytes as any structure here has
}

bool is_readable(const void* at, uint64_t bytes) {
  if (!is_possible(at)) return false;
  return is_shared() ? sp_can_read(at, bytes) : vfd::can_read_program(at, bytes);
}

bool is_writable(void* at, uint64_t bytes) {
  char seen[kLookMax];
  if (!is_possible(at)) return false;
  if (is_shared()) return sp_can_write(at, bytes);
  if (bytes > kLookMax) bytes = kLookMax;
  return vfd::read_program(seen, at, bytes) && vfd::write_program(at, seen, bytes);
}

} // namespace sp
