// SPDX-License-Identifier: Apache-2.0
// Copies what a sparse file has to another; what it has not is not written.
#pragma once
#include <cstdint>

namespace sp::spd {

// As far as it can be read and written.
void copy_contents(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t bytes);

} // namespace sp::spd
