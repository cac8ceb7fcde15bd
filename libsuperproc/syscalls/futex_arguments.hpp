// SPDX-License-Identifier: Apache-2.0
// What the futex calls are given, looked at as their kernel does.
#pragma once
#include <cerrno>
#include <ctime>

#include "libsuperproc/process/futex_wait.hpp"
#include "libsuperproc/syscalls/call.hpp"
#include "libsuperproc/syscalls/pointers.hpp"

namespace sp {

// As the kernel judges an address before it looks at anything else; 0 or -errno.
inline long check_address(uint64_t address) {
  if (address % 4) return -EINVAL;
  return address < 1ull << 47 ? 0 : -EFAULT;
}

struct Limit {
  long error; // 0, -EFAULT, -EINVAL
  Deadline deadline;
};

inline Limit limit_of(const Call& call, int index, clockid_t clock, bool is_relative) {
  const auto* time = call.pointer<const timespec>(index);
  if (!time) return {0, {}};
  if (!is_readable(time, sizeof *time)) return {-EFAULT, {}};
  const timespec copy = *time;
  if (copy.tv_sec < 0 || copy.tv_nsec < 0 || copy.tv_nsec >= kSecondNs) return {-EINVAL, {}};
  return {0, is_relative ? Deadline::after(copy) : Deadline::at(clock, copy)};
}

} // namespace sp
