// SPDX-License-Identifier: Apache-2.0
// Reading numbers out of a file's bytes: every read is checked against the end, a failed one leaves the cursor failed and
// gives 0, so that a damaged file is noticed once, at the end of a step.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>

namespace sp::sites {

class ByteCursor {
public:
  ByteCursor(std::span<const uint8_t> bytes, uint64_t offset) : bytes_(bytes), offset_(offset) {}

  template <class T>
  T take() {
    T value{};
    if (failed_ || offset_ > bytes_.size() || bytes_.size() - offset_ < sizeof(T)) {
      failed_ = true;
      return value;
    }
    std::memcpy(&value, bytes_.data() + offset_, sizeof value);
    offset_ += sizeof value;
    return value;
  }
  uint64_t take_uleb();
  int64_t take_sleb();
  const char* take_text(); // until the zero byte

  void skip(uint64_t count) { offset_ = count <= bytes_.size() ? offset_ + count : bytes_.size() + 1; }
  uint64_t offset() const { return offset_; }
  bool failed() const { return failed_; }

private:
  std::span<const uint8_t> bytes_;
  uint64_t offset_;
  bool failed_ = false;
};

inline uint64_t ByteCursor::take_uleb() {
  uint64_t value = 0;
  for (uint32_t shift = 0; !failed_; shift += 7) {
    const auto byte = take<uint8_t>();
    if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

inline int64_t ByteCursor::take_sleb() {
  uint64_t value = 0;
  for (uint32_t shift = 0; !failed_;) {
    const auto byte = take<uint8_t>();
    if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    shift += 7;
    if (byte >= 0x80) continue;
    if ((byte & 0x40) != 0 && shift < 64) value |= ~uint64_t{0} << shift;
    break;
  }
  return static_cast<int64_t>(value);
}

inline const char* ByteCursor::take_text() {
  const uint64_t begin = offset_;
  while (!failed_ && take<uint8_t>() != 0) {
  }
  return failed_ ? "" : reinterpret_cast<const char*>(bytes_.data() + begin);
}

} // namespace sp::sites
