// SPDX-License-Identifier: Apache-2.0
#include "spd/copy_contents.hpp"

#include <algorithm>
#include <unistd.h>
#include <vector>

namespace sp::spd {

namespace {

bool copy_piece(int from, uint64_t at, int to, uint64_t there, uint64_t bytes) {
  static std::vector<char> piece(256 << 10);
  while (bytes) {
    const ssize_t got = pread(from, piece.data(), std::min<uint64_t>(bytes, piece.size()), static_cast<off_t>(at));
    if (got <= 0) return false;
    if (pwrite(to, piece.data(), static_cast<size_t>(got), static_cast<off_t>(there)) != got) return false;
    at += static_cast<uint64_t>(got), there += static_cast<uint64_t>(got), bytes -= static_cast<uint64_t>(got);
  }
  return true;
}

} // namespace

void copy_contents(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t bytes) {
  const uint64_t end = from_offset + bytes;
  for (uint64_t at = from_offset; at < end;) {
    const off_t data = lseek(from, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 || static_cast<uint64_t>(data) >= end) return;
    const off_t hole = lseek(from, data, SEEK_HOLE);
    const uint64_t start = static_cast<uint64_t>(data), stop = std::min(end, static_cast<uint64_t>(hole));
    if (!copy_piece(from, start, to, to_offset + (start - from_offset), stop - start)) return;
    at = stop;
  }
}

} // namespace sp::spd
