// SPDX-License-Identifier: Apache-2.0
// rooms: base
// What any process of a cluster can make of a pipe's ring: whatever its word says, who reads and who writes stay within the
// contents, and neither takes more than there is, or gives more than there is room.
#include "libsuperproc/wire/pipe_ring.hpp"
#include "tests/fuzz/input.hpp"

#include <algorithm>

namespace {
using namespace sp;
using fuzz::insist;
using wire::kPipeRingBytes;

void insist_within(uint32_t position, uint32_t bytes) {
  const auto pieces = wire::PipePieces::of(position, bytes);
  insist(pieces.first + pieces.rest == bytes, "bytes are lost");
  insist(pieces.at < kPipeRingBytes && pieces.first <= kPipeRingBytes - pieces.at, "beyond the end");
  insist(pieces.rest <= kPipeRingBytes && (pieces.rest == 0 || pieces.rest <= pieces.at), "over other bytes");
}

void read_and_write(wire::PipeWord word, uint32_t bytes) {
  if (!word.is_possible()) return;
  const uint32_t taken = std::min(bytes, word.used()), given = std::min(bytes, kPipeRingBytes - word.used());
  insist_within(word.head(), taken);
  insist_within(word.tail(), given);
  const auto after = wire::PipeWord::of(word.state(), word.use(), word.head() + taken, word.tail() + given);
  insist(after.is_possible() && after.used() == word.used() - taken + given, "the count is wrong");
  insist(after.use() == word.use() && after.state() == word.state(), "another ring");
  insist(!after.busy() && !after.wanted(), "marks of before there was a ring");
}

void judge(wire::PipeEnd end) {
  if (!end || end.ring() >= wire::kPipeRingCount) return;
  insist(wire::PipeEnd::of(end.ring(), end.use(), end.writes()).bits == end.bits, "another end");
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Bytes bytes{data, size};
  while (bytes.size > 0) {
    read_and_write({bytes.next<uint64_t>()}, bytes.next<uint32_t>());
    judge({bytes.next<uint32_t>()});
  }
  return 0;
}
