// SPDX-License-Identifier: Apache-2.0
// For fuzz targets: takes an input apart (zeros follow its end), and ends the target where what must hold does not.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sp::fuzz {

inline void insist(bool holds, const char* reason) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", reason);
  std::abort();
}

struct Bytes {
  const uint8_t* data;
  size_t size;
  template <class T>
  T next() {
    T value{};
    const size_t count = size < sizeof value ? size : sizeof value;
    if (count) std::memcpy(&value, data, count);
    data += count;
    size -= count;
    return value;
  }
  void fill(void* to, size_t bytes) {
    const size_t count = size < bytes ? size : bytes;
    if (count) std::memcpy(to, data, count);
    data += count;
    size -= count;
  }
};

} // namespace sp::fuzz
