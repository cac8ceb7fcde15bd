// SPDX-License-Identifier: Apache-2.0
// One line of text to descriptor 2, composed without allocation and written with one call when the object goes away.
// For the shim's rare messages; tools use fmt and spdlog. A program that has left its node has its descriptors there, and
// says so here (vfd/body.cpp).
#pragma once
#include <cstdint>

namespace sp {

// False: descriptor 2 is this process's own.
extern bool (*write_line_elsewhere)(const char* text, uint64_t bytes); // null: it always is

class Line {
public:
  Line() = default;
  Line(const Line&) = delete;
  ~Line();

  Line& operator<<(const char* text);
  Line& operator<<(long number);
  Line& operator<<(int number) { return *this << static_cast<long>(number); }
  Line& operator<<(unsigned number) { return *this << static_cast<long>(number); }
  Line& operator<<(unsigned long number) { return *this << static_cast<long>(number); }
  Line& operator<<(const void* address);

private:
  void put(char c) {
    if (length_ + 1 < sizeof text_) text_[length_++] = c;
  }
  char text_[256];
  uint32_t length_ = 0;
};

} // namespace sp
