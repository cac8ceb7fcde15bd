// SPDX-License-Identifier: Apache-2.0
// The words of arguments.hpp: what they decode to, and that a wrong one is noticed.
#include <doctest/doctest.h>

#include "libsuperproc/syscalls/arguments.hpp"
#include "libsuperproc/syscalls/table.hpp"

using sp::ArgumentKind;
using sp::parse_arguments;

TEST_CASE("each word is decoded to its kind") {
  const auto arguments = parse_arguments("fd in(2) size offset -> long");
  REQUIRE(arguments.valid);
  REQUIRE(arguments.count == 4);
  CHECK(arguments.at[0].kind == ArgumentKind::fd);
  CHECK(arguments.at[1].kind == ArgumentKind::in);
  CHECK(arguments.at[1].length_argument == 2);
  CHECK(arguments.at[2].kind == ArgumentKind::size);
  CHECK(arguments.at[3].kind == ArgumentKind::offset);
  CHECK(arguments.result == ArgumentKind::long_);
}

TEST_CASE("the result is an int unless a word says otherwise") {
  CHECK(parse_arguments("").result == ArgumentKind::int_);
  CHECK(parse_arguments("").count == 0);
  CHECK(parse_arguments("-> pid").result == ArgumentKind::pid);
  CHECK(parse_arguments("int -> none").result == ArgumentKind::none);
  CHECK(parse_arguments("  int   hex  ").count == 2);
}

TEST_CASE("wrong words are noticed") {
  for (const char* text : {"integer", "fd bytes", "in size", "out size", "in(9) size", "in(1) ", "fd in(2)",
                           "fd(1) int", "in() size", "(1)", "in(1", "none", "int ->", "int -> integer", "int -> in",
                           "int -> fd fd", "int int int int int int int", "-> long int"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_arguments(text).valid);
  }
  CHECK(parse_arguments("int int int int int int").valid);
}

TEST_CASE("structures of a fixed size, vectors and lengths behind pointers") {
  const auto arguments = parse_arguments("fd out:144 iovin(3) int outlen(5) inout:4");
  CHECK(arguments.valid);
  CHECK((arguments.at[1].kind == ArgumentKind::out && arguments.at[1].bytes == 144));
  CHECK((arguments.at[2].kind == ArgumentKind::iovin && arguments.at[2].length_argument == 3));
  CHECK((arguments.at[4].kind == ArgumentKind::outlen && arguments.at[4].length_argument == 5));
  CHECK((arguments.at[5].kind == ArgumentKind::inout && arguments.at[5].bytes == 4));
  for (const char* wrong : {"out:", "out:x", "int:4", "inout(1)", "inout", "iovin"})
    CHECK_FALSE(parse_arguments(wrong).valid);
}

TEST_CASE("counts of bytes are in arguments that count") {
  for (const auto& row : sp::syscall_rows()) {
    CAPTURE(row.name);
    const auto arguments = parse_arguments(row.arguments);
    REQUIRE(arguments.valid);
    for (uint32_t i = 0; i < arguments.count; i++) {
      const auto kind = arguments.at[i].kind;
      if ((kind != ArgumentKind::in && kind != ArgumentKind::out) || arguments.at[i].bytes) continue;
      CHECK(arguments.at[arguments.at[i].length_argument].kind == ArgumentKind::size);
      if (kind == ArgumentKind::out) CHECK(arguments.result == ArgumentKind::long_);
    }
  }
}
