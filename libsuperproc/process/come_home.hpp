// SPDX-License-Identifier: Apache-2.0
// A body's next program, if it is one without the shim or one whose file its node does not have, begins where the shadow is,
// in the shadow's process: it has the descriptors, and nobody could pass on what the program asks for. The body ends
// without a word; or, if its parent is beside it and waits for it, it stays, hands signals on to the program, and ends
// like it.
#pragma once
#include "libsuperproc/process/departing.hpp"

namespace sp {

long come_home(const Departing& program); // does not return if it succeeds; -errno

} // namespace sp
