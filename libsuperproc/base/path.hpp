// SPDX-License-Identifier: Apache-2.0
// A short path or name put together without allocation. What does not fit is cut off; what we put together fits.
#pragma once
#include <cstdint>

namespace sp {

class Path {
public:
  Path() { text_[0] = 0; }
  Path& operator<<(const char* text) {
    while (*text && length_ + 1 < sizeof text_) text_[length_++] = *text++;
    text_[length_] = 0;
    return *this;
  }
  // The first `bytes` of a text.
  void add(const char* text, uint32_t bytes) {
    for (; bytes && *text && length_ + 1 < sizeof text_; --bytes) text_[length_++] = *text++;
    text_[length_] = 0;
  }
  Path& operator<<(long number) {
    char digits[21];
    int at = 20;
    digits[at] = 0;
    unsigned long rest = number < 0 ? -static_cast<unsigned long>(number) : static_cast<unsigned long>(number);
    do digits[--at] = static_cast<char>('0' + rest % 10);
    while (rest /= 10);
    if (number < 0) digits[--at] = '-';
    return *this << &digits[at];
  }
  Path& operator<<(int number) { return *this << static_cast<long>(number); }
  Path& operator<<(uint32_t number) { return *this << static_cast<long>(number); }
  const char* text() const { return text_; }

private:
  char text_[256];
  uint32_t length_ = 0;
};

} // namespace sp
