// SPDX-License-Identifier: Apache-2.0
// Where the kernel believes the parts of the calling program to be (wire::ProgramLayout), from /proc/self.
#pragma once
#include "libsuperproc/base/result.hpp"
#include "libsuperproc/wire/image.hpp"

namespace sp {

// `memory`: room for what is read.
Result<> read_program_layout(wire::Image& image, char* memory, uint64_t bytes);

} // namespace sp
