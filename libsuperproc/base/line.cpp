// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/base/line.hpp"
#include "libsuperproc/base/sys.hpp"

namespace sp {

bool (*write_line_elsewhere)(const char* text, uint64_t bytes) = nullptr;

Line::~Line() {
  text_[length_++] = '\n';
  if (write_line_elsewhere && write_line_elsewhere(text_, length_)) return;
  sys::call(SYS_write, 2, text_, length_);
}

Line& Line::operator<<(const char* text) {
  while (*text) put(*text++);
  return *this;
}

Line& Line::operator<<(long number) {
  char digits[20];
  int count = 0;
  unsigned long rest = number < 0 ? -static_cast<unsigned long>(number) : static_cast<unsigned long>(number);
  do digits[count++] = static_cast<char>('0' + rest % 10);
  while (rest /= 10);
  if (number < 0) put('-');
  while (count) put(digits[--count]);
  return *this;
}

Line& Line::operator<<(const void* address) {
  *this << "0x";
  const auto value = reinterpret_cast<uintptr_t>(address);
  bool started = false;
  for (int shift = 60; shift >= 0; shift -= 4) {
    const unsigned digit = (value >> shift) & 15;
    if (digit || started || shift == 0) {
      started = true;
      put("0123456789abcdef"[digit]);
    }
  }
  return *this;
}

} // namespace sp
