// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/program_layout.hpp"

#include <fcntl.h>

#include "libsuperproc/base/sys.hpp"

namespace sp {

namespace {

Result<uint64_t> read_file(const char* path, char* memory, uint64_t bytes) {
  TRY(const long file, from_raw(sys::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC)));
  const long got = sys::call(SYS_read, file, memory, bytes);
  sys::call(SYS_close, file);
  TRY(const long count, from_raw(got));
  return static_cast<uint64_t>(count);
}

// Numbers of /proc/PID/stat as proc(5) counts them, from the third on: the second, the name, may hold anything.
class StatFields {
public:
  StatFields(const char* text, uint64_t bytes) : at_(text + bytes) {
    while (at_ > text && *at_ != ')') --at_;
    if (at_ > text) at_ += 4; // over ") S"
  }
  uint64_t operator[](uint32_t field) {
    for (; number_ < field && *at_; ++number_) {
      value_ = 0;
      while (*at_ == ' ' || *at_ == '-') ++at_;
      for (; *at_ >= '0' && *at_ <= '9'; ++at_) value_ = value_ * 10 + static_cast<uint64_t>(*at_ - '0');
    }
    return value_;
  }

private:
  const char* at_;
  uint32_t number_ = 3;
  uint64_t value_ = 0;
};

} // namespace

Result<> read_program_layout(wire::Image& image, char* memory, uint64_t bytes) {
  TRY(const uint64_t stat_bytes, read_file("/proc/self/stat", memory, bytes - 1));
  memory[stat_bytes] = 0;
  wire::ProgramLayout& l = image.layout;
  StatFields stat(memory, stat_bytes);
  l.start_code = stat[26], l.end_code = stat[27], l.start_stack = stat[28];
  l.start_data = stat[45], l.end_data = stat[46], l.start_break = stat[47];
  l.argument_start = stat[48], l.argument_end = stat[49];
  l.environment_start = stat[50], l.environment_end = stat[51];
  l.end_break = static_cast<uint64_t>(sys::call(SYS_brk, 0));
  TRY(const uint64_t auxiliary,
      read_file("/proc/self/auxv", reinterpret_cast<char*>(image.auxiliary), sizeof image.auxiliary));
  image.auxiliary_words = static_cast<uint32_t>(auxiliary / sizeof image.auxiliary[0]);
  return {};
}

} // namespace sp
