// SPDX-License-Identifier: Apache-2.0
// Line: what reaches descriptor 2, in one write, whatever its length.
#include <doctest/doctest.h>

#include <climits>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "libsuperproc/base/line.hpp"

namespace {

// Descriptor 2 goes into a packet pipe while `body` runs: each write is one packet, so that two writes would be seen.
template <class Body>
std::string written_by(Body body) {
  int ends[2];
  REQUIRE(pipe2(ends, O_DIRECT | O_NONBLOCK | O_CLOEXEC) == 0);
  const int kept = fcntl(2, F_DUPFD_CLOEXEC, 10);
  REQUIRE(dup2(ends[1], 2) == 2);
  body();
  dup2(kept, 2);
  close(kept);
  char text[PIPE_BUF];
  const ssize_t length = read(ends[0], text, sizeof text);
  char rest[PIPE_BUF];
  CHECK(read(ends[0], rest, sizeof rest) < 0); // no second packet
  close(ends[0]);
  close(ends[1]);
  return {text, length > 0 ? static_cast<size_t>(length) : 0};
}

} // namespace

TEST_CASE("a line is its parts and a newline") {
  CHECK(written_by([] { sp::Line{} << "superproc: " << 42 << " nodes"; }) == "superproc: 42 nodes\n");
  CHECK(written_by([] { sp::Line{}; }) == "\n");
}

TEST_CASE("numbers at their limits") {
  CHECK(written_by([] { sp::Line{} << 0; }) == "0\n");
  CHECK(written_by([] { sp::Line{} << -1; }) == "-1\n");
  CHECK(written_by([] { sp::Line{} << LONG_MAX; }) == "9223372036854775807\n");
  CHECK(written_by([] { sp::Line{} << LONG_MIN; }) == "-9223372036854775808\n");
  CHECK(written_by([] { sp::Line{} << UINT_MAX; }) == "4294967295\n");
}

TEST_CASE("addresses in hexadecimal without leading zeros") {
  CHECK(written_by([] { sp::Line{} << reinterpret_cast<const void*>(0x2000'0000'0abcUL); }) == "0x200000000abc\n");
  CHECK(written_by([] { sp::Line{} << static_cast<const void*>(nullptr); }) == "0x0\n");
}

TEST_CASE("what is too long is cut, and the newline stays") {
  const std::string text = written_by([] {
    sp::Line line;
    for (int i = 0; i < 1000; ++i) line << "x";
  });
  CHECK(text.size() == 256);
  CHECK(text.substr(0, 255) == std::string(255, 'x'));
  CHECK(text.back() == '\n');
}
