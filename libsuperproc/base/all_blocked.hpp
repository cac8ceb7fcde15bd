// SPDX-License-Identifier: Apache-2.0
// Blocks every signal of the calling thread for a scope: nothing of the program runs in it, and a clone inherits that.
#pragma once
#include <csignal>

#include "libsuperproc/base/sys.hpp"

namespace sp {

class AllBlocked {
public:
  AllBlocked() {
    const uint64_t all = ~0ull;
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof all);
  }
  AllBlocked(const AllBlocked&) = delete;
  ~AllBlocked() { sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_); }

private:
  uint64_t before_ = 0;
};

} // namespace sp
