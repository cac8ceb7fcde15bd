// SPDX-License-Identifier: Apache-2.0
// A system call on its way through dispatch. Each row of syscalls.def whose route is not `kernel` names a function
// `long sys_NAME(Call&)` in the file of its family; what it returns is what the application gets (-errno on failure).
#pragma once
#include <ucontext.h>

#include "libsuperproc/base/gate.hpp"

namespace sp {

struct Call {
  Registers& registers;
  ucontext_t* trap; // the interrupted thread, if the call came through Syscall User Dispatch; its mask and alternate
                    // stack are what sigreturn restores, so changes of them must go there as well
  bool by_shadow = false; // it was performed on the shadow's node

  long number() const { return static_cast<long>(registers.rax); }
  uint64_t arg(int i) const {
    const uint64_t a[6] = {registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9};
    return a[i];
  }
  template <class T>
  T* pointer(int i) const {
    return reinterpret_cast<T*>(arg(i));
  }
  int number_arg(int i) const { return static_cast<int>(arg(i)); }

  // The call as the application made it, by the kernel.
  long pass() const { return app_call(number(), arg(0), arg(1), arg(2), arg(3), arg(4), arg(5)); }
};

using Handler = long (*)(Call&);

} // namespace sp
