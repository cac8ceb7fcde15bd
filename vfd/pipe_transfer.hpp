// SPDX-License-Identifier: Apache-2.0
// A body's reads and writes of a pipe or socket that is its shadow's: by its ring, if it has become one (wire/pipe_ring.hpp).
#pragma once
#include <cstdint>

namespace sp::vfd {

// A call that only reads or only writes of such a one.
bool goes_by_pipe(long number, const uint64_t (&arguments)[6]);

// Such a call. `plainly` has the shadow do it.
using Plainly = long (*)(long number, const uint64_t (&arguments)[6]);
long transfer_by_pipe(long number, const uint64_t (&arguments)[6], Plainly plainly);

} // namespace sp::vfd
