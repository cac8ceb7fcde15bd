// SPDX-License-Identifier: Apache-2.0
// An application thread's general registers at a system call. shim/gate_entry.S pushes and pops them in this order; whoever changes
// one must change the other. The shim is compiled for general registers only, so nothing else needs saving.
#pragma once
#include <cstddef>
#include <cstdint>

namespace sp {

struct Registers {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx;
  uint64_t rax; // the call's number, then its result
  uint64_t rip; // where the thread goes on: behind the `syscall`
  uint64_t rsp;
};
static_assert(sizeof(Registers) == 136 && offsetof(Registers, rbx) == 88 && offsetof(Registers, rsp) == 128);

} // namespace sp
