// SPDX-License-Identifier: Apache-2.0
// What VmaAttributes::flags says about a record. The VMA map compares them and nothing else.
#pragma once
#include <cstdint>

namespace sp::memory {

enum VmaFlag : uint32_t {
  kVmaNotInChild = 1,   // MADV_DONTFORK: a fork's child does not have it (copy_out.cpp)
  kVmaEmptyInChild = 2, // MADV_WIPEONFORK: it has zeros there
  kVmaLocked = 4,       // mlock: on every node; undone when the addresses are freed
  kVmaBreak = 8,        // of a reserved record: the heap may grow over it
};
inline constexpr uint32_t kVmaKeyShift = 8; // the protection key is in the bits from here on

} // namespace sp::memory
