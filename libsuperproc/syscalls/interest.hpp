// SPDX-License-Identifier: Apache-2.0
// One byte for each system call: non-zero if dispatch wants to see it. A patched site tests it before it passes the call
// straight to the kernel. Few calls are of interest until the process is converted, more after it; while it is sealed, those
// that may bring executable memory are as well, in a body those that may concern its shadow, and in a fork's child at first
// those that meet its mappings.
#pragma once
#include <cstdint>

#include "libsuperproc/wire/subprocess.hpp"

enum InterestBit : uint8_t {
  kInterestHandled = 1,   // its row has a function for this state of the process
  kInterestGuarded = 2,   // syscalls/code_guard.hpp
  kInterestRemote = 4,    // syscalls/remote.hpp
  kInterestCopyFirst = 8, // syscalls/copy_first.hpp
};

inline constexpr uint32_t kInterestCount = sp::wire::kSyscallCountMax;
extern "C" [[gnu::visibility("hidden")]] uint8_t sp_interest[kInterestCount];
