// SPDX-License-Identifier: Apache-2.0
// The scan against a plain search: every pair at every place, split at every place, and random bytes.
#include <array>
#include <doctest/doctest.h>
#include <random>
#include <span>
#include <vector>

#include "libsuperproc/base/code_scan.hpp"

using Bytes = std::vector<uint8_t>;

namespace {

constexpr std::array<std::array<uint8_t, 2>, 3> kPairs{{{0x0f, 0x05}, {0x0f, 0x34}, {0xcd, 0x80}}};

bool is_clean(std::span<const uint8_t> bytes) {
  sp::CodeScan scan;
  scan.add(bytes.data(), bytes.size());
  return scan.is_clean();
}

bool is_clean_in_pieces(std::span<const uint8_t> bytes, size_t piece) {
  sp::CodeScan scan;
  for (size_t at = 0; at < bytes.size(); at += piece) scan.add(bytes.data() + at, std::min(piece, bytes.size() - at));
  return scan.is_clean();
}

// With half a pair at an end, which may be a whole one with what lies there.
bool is_plainly_clean(const Bytes& bytes) {
  for (const auto& pair : kPairs) {
    if (!bytes.empty() && (bytes.front() == pair[1] || bytes.back() == pair[0])) return false;
    for (size_t i = 0; i + 1 < bytes.size(); ++i)
      if (bytes[i] == pair[0] && bytes[i + 1] == pair[1]) return false;
  }
  return true;
}

} // namespace

TEST_CASE("nothing, and code without a system call, is clean") {
  CHECK(is_clean({}));
  CHECK(is_clean(Bytes(4096, 0x90)));
  CHECK(is_clean(Bytes{0x31, 0xc0, 0x0f, 0xb6, 0x05, 0x0f, 0x84, 0x34, 0x05, 0xcd, 0x03, 0x80, 0xc3}));
}

TEST_CASE("a pair is found at every place, whole or in pieces") {
  for (size_t bytes = 2; bytes <= 40; ++bytes)
    for (const auto& pair : kPairs)
      for (size_t at = 0; at + 2 <= bytes; ++at) {
        Bytes code(bytes, 0x90);
        code[at] = pair[0], code[at + 1] = pair[1];
        INFO(bytes, " ", at);
        CHECK(!is_clean(code));
        for (size_t piece = 1; piece <= bytes; ++piece) CHECK(!is_clean_in_pieces(code, piece));
      }
}

TEST_CASE("half a pair at an end is not clean, elsewhere it is") {
  for (const auto& pair : kPairs) {
    CHECK(!is_clean(Bytes{pair[1], 0x90, 0x90}));
    CHECK(!is_clean(Bytes{0x90, 0x90, pair[0]}));
    CHECK(is_clean(Bytes{0x90, pair[1], pair[0], 0x90}));
  }
}

TEST_CASE("a pair over the end of a page is found") {
  Bytes code(2 * 4096, 0xcc);
  code[4095] = 0x0f, code[4096] = 0x05;
  CHECK(!is_clean(code));
  CHECK(!is_clean_in_pieces(code, 4096));
}

TEST_CASE("random bytes give the same as a plain search") {
  std::mt19937 random(1);
  constexpr std::array<uint8_t, 8> kLikely{0x0f, 0x05, 0x34, 0xcd, 0x80, 0x90, 0x00, 0xff};
  for (int round = 0; round < 20000; ++round) {
    Bytes code(random() % 24);
    for (auto& byte : code) byte = kLikely[random() % kLikely.size()];
    CHECK(is_clean(code) == is_plainly_clean(code));
    CHECK(is_clean_in_pieces(code, 1 + random() % 9) == is_plainly_clean(code));
  }
}
