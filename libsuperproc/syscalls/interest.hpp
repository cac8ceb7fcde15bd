// SPDX-License-Identifier: Apache-2.0
// One byte for each system call, a set of Interest bits: not 0 if dispatch wants to see it. A patched site tests it before it passes the call
// straight to the kernel. Few calls are of interest until the process is converted, more after it.
#pragma once
#include <cstdint>

#include "libsuperproc/wire/subprocess.hpp"

enum InterestBit : uint8_t {
  kOfRow = 1,    // its row has a function for this state of the process
  kOfShadow = 2, // it may concern what a moved SubProcess has on another node (remote.hpp)
};
inline constexpr uint32_t kInterestCount = sp::wire::kSyscallCountMax;
extern "C" [[gnu::visibility("hidden")]] uint8_t sp_interest[kInterestCount];
