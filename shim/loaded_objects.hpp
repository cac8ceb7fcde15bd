// SPDX-License-Identifier: Apache-2.0
// The objects that the dynamic loader has mapped, found through the program's own headers (AT_PHDR) and the loader's list.
#pragma once
#include <cstdint>

namespace sp::shim {

// Patches libc, ld.so and what else the site tables know; `environment` ends where the auxiliary vector begins. Returns
// the number of sites.
uint32_t patch_libraries(const char* const* environment);

} // namespace sp::shim
