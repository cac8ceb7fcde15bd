// SPDX-License-Identifier: Apache-2.0
// struct kernel_sigaction of the x86-64 ABI, for raw calls of rt_sigaction; libc's sigaction refuses its own signals.
#pragma once
#include <cstdint>

namespace sp {

struct KernelAction {
  uint64_t handler; // SIG_DFL is 0, SIG_IGN 1
  uint64_t flags;
  uint64_t restorer;
  uint64_t mask;
};

} // namespace sp
