// SPDX-License-Identifier: Apache-2.0
// Children. Whoever makes them, they are home's.
#include "libsuperproc/syscalls/pass.hpp"

namespace sp {

long sys_wait4(Call& call) { return pass_home_blocking(call); }
long sys_waitid(Call& call) { return pass_home_blocking(call); }

} // namespace sp
