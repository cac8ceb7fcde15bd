// SPDX-License-Identifier: Apache-2.0
// What the shim itself reads or writes of the program's it asks about first, or a bad pointer would be a fault in the shim,
// where natively it is EFAULT. A converted process has a handler of faults that knows such looks (base/peek.hpp); in
// another one the kernel is asked.
#pragma once
#include "libsuperproc/base/peek.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/syscalls/call.hpp"

namespace sp {

bool is_readable(const void* at, uint64_t bytes); // at most a page
bool is_writable(void* at, uint64_t bytes);

// Null is good.
inline bool may_read(const Call& call, int i, uint64_t bytes) {
  return call.arg(i) == 0 || is_readable(call.pointer<const void>(i), bytes);
}
inline bool may_write(const Call& call, int i, uint64_t bytes) {
  return call.arg(i) == 0 || is_writable(call.pointer<void>(i), bytes);
}

// The same without asking the kernel, for calls that must be quick: before the first thread only addresses that no process
// has are found out.
inline bool is_possible(const void* at) {
  const uint64_t address = reinterpret_cast<uint64_t>(at);
  return address >= 1 << 16 && address < 1ull << 47;
}
inline bool may_quickly_read(const Call& call, int i, uint64_t bytes) {
  const auto* at = call.pointer<const void>(i);
  return !at || (is_possible(at) && (!is_shared() || sp_can_read(at, bytes)));
}
inline bool may_quickly_write(const Call& call, int i, uint64_t bytes) {
  auto* at = call.pointer<void>(i);
  return !at || (is_possible(at) && (!is_shared() || sp_can_write(at, bytes)));
}

} // namespace sp
