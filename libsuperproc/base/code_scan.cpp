// SPDX-License-Identifier: Apache-2.0
// Eight bytes at a time: a byte and its successor, each combined with what they should be, are zero where a pair is.
#include "libsuperproc/base/code_scan.hpp"

namespace sp {

namespace {

constexpr uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;

uint64_t load(const uint8_t* bytes) {
  uint64_t word;
  __builtin_memcpy(&word, bytes, sizeof word);
  return word;
}

// Nonzero if a byte of the word is zero; exact, as only that is asked.
uint64_t zero_byte(uint64_t word) { return (word - kOnes) & ~word & kHighs; }

bool is_second_half(uint8_t byte) { return byte == 0x05 || byte == 0x34 || byte == 0x80; }

bool has_pair(const uint8_t* bytes, uint64_t count) {
  uint64_t at = 0;
  for (; at + sizeof(uint64_t) < count; at += sizeof(uint64_t)) {
    const uint64_t first = load(bytes + at), second = load(bytes + at + 1);
    const uint64_t escape = first ^ kOnes * 0x0f;
    if (zero_byte(escape | (second ^ kOnes * 0x05)) | zero_byte(escape | (second ^ kOnes * 0x34)) |
        zero_byte((first ^ kOnes * 0xcd) | (second ^ kOnes * 0x80)))
      return true;
  }
  for (; at + 1 < count; ++at)
    if (CodeScan::is_pair(bytes[at], bytes[at + 1])) return true;
  return false;
}

} // namespace

void CodeScan::add(const uint8_t* bytes, uint64_t count) {
  if (count == 0 || found_) return;
  found_ = (started_ ? is_pair(last_, bytes[0]) : is_second_half(bytes[0])) || has_pair(bytes, count);
  last_ = bytes[count - 1];
  started_ = true;
}

} // namespace sp
