// SPDX-License-Identifier: Apache-2.0
// A body's child has ended, its parent has waited for it beside it, and its shadow is still on the way: to whoever asks for
// the number it is not there any more.
#pragma once
#include <sys/types.h>

namespace sp::spd {

bool is_ending_shadow(pid_t pid);

} // namespace sp::spd
