// SPDX-License-Identifier: Apache-2.0
// What ps and pgrep see of a shadow: the name and arguments of its program.
#pragma once
#include <cstddef>

namespace sp::spd {

// `name` ends with a zero byte within 16; `arguments` as in /proc/PID/cmdline.
void be_called(const char* name, const char* arguments, size_t bytes);

} // namespace sp::spd
