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

// That a pair begins with one of the eight bytes.
bool have_pair(const uint8_t* bytes) {
  const uint64_t first = load(bytes), second = load(bytes + 1);
  const uint64_t escape = first ^ kOnes * 0x0f;
  return zero_byte(escape | (second ^ kOnes * 0x05)) | zero_byte(escape | (second ^ kOnes * 0x34)) |
         zero_byte((first ^ kOnes * 0xcd) | (second ^ kOnes * 0x80));
}

} // namespace

const uint8_t* CodeScan::find_pair(const uint8_t* at, const uint8_t* end) {
  constexpr long kStep = sizeof(uint64_t);
  while (end - at > kStep && !have_pair(at)) at += kStep;
  for (; end - at > 1; ++at)
    if (is_pair(at[0], at[1])) return at;
  return end;
}

void CodeScan::add(const uint8_t* bytes, uint64_t count) {
  if (count == 0 || found_) return;
  const uint8_t* const end = bytes + count;
  found_ = (started_ ? is_pair(last_, bytes[0]) : is_second_half(bytes[0])) || find_pair(bytes, end) != end;
  last_ = bytes[count - 1];
  started_ = true;
}

} // namespace sp
