// SPDX-License-Identifier: Apache-2.0
// A body's reads and writes of a pipe that is its shadow's: by its ring, if it has become one (wire/pipe_ring.hpp).
#pragma once
#include <cstdint>

namespace sp::vfd {

bool is_pipe(uint64_t descriptor); // such a one

// read or write. `plainly` has the shadow do it.
using Plainly = long (*)(long number, const uint64_t (&arguments)[6]);
long transfer_by_pipe(long number, const uint64_t (&arguments)[6], Plainly plainly);

} // namespace sp::vfd
