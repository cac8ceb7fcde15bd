// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/base/critical.hpp"

namespace sp {
thread_local constinit CriticalState critical_state{};
void (*critical_left)() = nullptr;
} // namespace sp
