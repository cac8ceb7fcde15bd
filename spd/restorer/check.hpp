// SPDX-License-Identifier: Apache-2.0
// Is a description (wire/image.hpp), copied from memory that others can write, one that can be followed without harm to
// the restorer? What it leads to in the program's own memory is the program's affair.
#pragma once
#include "libsuperproc/wire/image.hpp"

namespace sp::spd {

// `bytes` of it are there. 0 or -errno.
long check_image(const wire::Image& image, uint64_t bytes);

} // namespace sp::spd
