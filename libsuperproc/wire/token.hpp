// SPDX-License-Identifier: Apache-2.0
// What a message carries between nodes in the place of a descriptor (vfd/passing.hpp): one end of a stream pair, in which
// this lies to be peeked at. It tells where the open file is kept, and, if it has a name, how to open it elsewhere.
#pragma once
#include <cstdint>

namespace sp::wire {

inline constexpr uint64_t kTokenMagic[2] = {0x31'6e656b6f747073, 0x9d3c'61f8'42be'07a5};
inline constexpr uint32_t kTokenPathMax = 1024;

struct Token {
  uint64_t magic[2];
  uint32_t node;   // whose spd keeps it ...
  uint32_t parked; // ... under this number
  int32_t flags;   // of the open file
  uint32_t reserved;
  int64_t offset;
  char path[kTokenPathMax]; // empty: it has no name
};

} // namespace sp::wire
