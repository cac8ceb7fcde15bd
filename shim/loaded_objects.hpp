// SPDX-License-Identifier: Apache-2.0
// The objects that the dynamic loader has mapped, found through the program's own headers (AT_PHDR) and the loader's list.
#pragma once
#include <cstdint>

#include "shim/sites/own_table.hpp"

namespace sp::shim {

// Code of loaded objects that is proven: their tables leave no way into the kernel but sites, which are all patched; and
// libsuperproc's own.
struct ProvenCode {
  static constexpr uint32_t kCountMax = 64;
  struct {
    uint64_t start, end; // to the byte, as the program header says
  } pieces[kCountMax];
  uint32_t count;
};

// In a static program: its own table of sites, else null. Set by shim/static_start.cpp.
extern const OwnTable* own_table;

// Patches libc, ld.so and what else the site tables know; `environment` ends where the auxiliary vector begins. Returns
// the number of sites.
uint32_t patch_libraries(const char* const* environment, ProvenCode& proven);

} // namespace sp::shim
