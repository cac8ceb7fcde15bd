// SPDX-License-Identifier: Apache-2.0
// System V shared memory, attached by every resident at one address.
#pragma once
#include <cstdint>

namespace sp::memory {

long attach(int id, uint64_t address, int flags); // shmat
long detach(uint64_t address);                    // shmdt

} // namespace sp::memory
