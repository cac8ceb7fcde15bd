// SPDX-License-Identifier: Apache-2.0
// Can these bytes enter the kernel? Looks for syscall (0f 05), sysenter (0f 34) and int $0x80 (cd 80) at every alignment,
// without decoding: a pair may well lie inside another instruction, but where there is none there is no system call,
// however the code is entered. Given piece by piece, in order; a pair over the border of two pieces is seen. What lies
// before the first byte and behind the last is not known, so half a pair there counts as one.
#pragma once
#include <cstdint>

namespace sp {

class CodeScan {
public:
  void add(const uint8_t* bytes, uint64_t count);
  // The first pair that lies in [at, end); `end`: there is none.
  static const uint8_t* find_pair(const uint8_t* at, const uint8_t* end);
  static constexpr bool is_pair(uint8_t first, uint8_t second) {
    return (first == 0x0f && (second == 0x05 || second == 0x34)) || (first == 0xcd && second == 0x80);
  }
  bool is_clean() const { return !found_ && !is_first_half(last_); }

private:
  static constexpr bool is_first_half(uint8_t byte) { return byte == 0x0f || byte == 0xcd; }

  bool found_ = false;
  bool started_ = false;
  uint8_t last_ = 0;
};

} // namespace sp
