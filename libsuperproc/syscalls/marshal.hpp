// SPDX-License-Identifier: Apache-2.0
// Passing a call to the shadow by what its row says: memory that the kernel reads is copied there before, memory that it
// writes is copied back. Transfers that do not fit are done in parts where that means the same.
#pragma once
#include <cstdint>

namespace sp {
long call_by_shadow(long number, const uint64_t (&arguments)[6]);
}
