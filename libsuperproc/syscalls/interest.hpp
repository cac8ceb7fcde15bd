// SPDX-License-Identifier: Apache-2.0
// A word for each system call: non-zero if dispatch wants to see it. A patched site tests it before it passes the call
// straight to the kernel. Few calls are of interest until the process is converted, more after it; while it is sealed, those
// that may bring executable memory are as well, in a body those that may concern its shadow, and in a fork's child at first
// those that meet its mappings, or show that it will not call exec. For a tracer, who is outside, all calls are
// (wire/trace.hpp): he has a byte of his own.
#pragma once
#include <cstdint>

#include "libsuperproc/wire/subprocess.hpp"

enum InterestBit : uint8_t {
  kInterestHandled = 1,   // its row has a function for this state of the process
  kInterestGuarded = 2,   // syscalls/code_guard.hpp
  kInterestRemote = 4,    // syscalls/remote.hpp
  kInterestCopyFirst = 8, // syscalls/copy_first.hpp
  kInterestDecides = 16,  // syscalls/move_first.hpp
  kInterestFutex = 32,    // may take the gate's short ways, where the word says nothing but this and kInterestHandled
  kInterestAway = 64,     // syscalls/away.hpp
  kInterestHashed =
      128, // the gate may end a futex wake without a waiter, where the word says this and kInterestHandled
};

struct alignas(4) InterestWord {
  uint8_t bits;   // InterestBit
  uint8_t traced; // 1: for a tracer, who writes it
  uint8_t shared; // 1: a futex call that is not private may be about memory of the cluster's; the gate knows it
  uint8_t reserved;
};
static_assert(sizeof(InterestWord) == 4 && (kInterestHandled | kInterestFutex) == 33 &&
              (kInterestHandled | kInterestHashed) == 129); // all are in shim/gate_futex.S

inline constexpr uint32_t kInterestCount = sp::wire::kSyscallCountMax;
extern "C" [[gnu::visibility("hidden")]] InterestWord sp_interest[kInterestCount];
