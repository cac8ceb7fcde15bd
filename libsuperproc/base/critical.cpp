// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/base/critical.hpp"

#include "libsuperproc/base/shared_word.hpp"

namespace sp {
thread_local constinit CriticalState critical_state{};
void (*critical_left)() = nullptr;
SharedWords shared_words{};
} // namespace sp
