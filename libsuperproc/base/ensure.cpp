// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/base/ensure.hpp"
#include "libsuperproc/base/line.hpp"
#include "libsuperproc/base/sys.hpp"

namespace sp {

[[noreturn]] void ensure_failed(const char* file, int line, const char* expression) {
  Line{} << "superproc: " << file << ":" << line << ": " << expression << " does not hold; please report this";
  constexpr int kSigAbrt = 6;
  sys::call(SYS_tgkill, sys::call(SYS_getpid), sys::call(SYS_gettid), kSigAbrt);
  for (;;) sys::call(SYS_exit_group, 134);
}

} // namespace sp
