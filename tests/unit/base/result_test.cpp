// SPDX-License-Identifier: Apache-2.0
// Result, TRY and the way to and from raw kernel return values.
#include <doctest/doctest.h>

#include <memory>

#include "libsuperproc/base/ids.hpp"
#include "libsuperproc/base/result.hpp"

namespace {

sp::Result<int> half(int n) {
  if (n % 2) return sp::fail(EDOM);
  return n / 2;
}

sp::Result<int> quarter(int n) {
  TRY(const int first, half(n));
  TRY(const int second, half(first));
  return second;
}

sp::Result<> check_even(int n) {
  TRY_VOID(half(n));
  return {};
}

} // namespace

TEST_CASE("TRY hands on the value") {
  REQUIRE(quarter(12));
  CHECK(*quarter(12) == 3);
}

TEST_CASE("TRY returns the first error, whichever step had it") {
  CHECK(quarter(3).error() == sp::Errno{EDOM}); // first step
  CHECK(quarter(6).error() == sp::Errno{EDOM}); // second step
}

TEST_CASE("TRY evaluates its expression once") {
  int count = 0;
  const auto next = [&]() -> sp::Result<int> { return ++count; };
  const auto twice = [&]() -> sp::Result<int> {
    TRY(const int a, next());
    TRY(const int b, next());
    return a * 10 + b;
  };
  CHECK(*twice() == 12);
  CHECK(count == 2);
}

TEST_CASE("TRY_VOID lets success pass and returns an error") {
  CHECK(check_even(4));
  CHECK_FALSE(check_even(5));
  CHECK(check_even(5).error().value == EDOM);
}

TEST_CASE("a raw value is an error only between -4095 and -1") {
  CHECK(*sp::from_raw(0) == 0);
  CHECK(*sp::from_raw(7) == 7);
  CHECK(sp::from_raw(-1).error().value == EPERM);
  CHECK(sp::from_raw(-4095).error().value == 4095);
  CHECK(*sp::from_raw(-4096) == -4096); // an address near the top, not an error
  CHECK(*sp::from_raw(static_cast<long>(0x8000'0000'0000'0000)) < 0);
}

TEST_CASE("to_raw is from_raw's way back") {
  for (long raw : {0L, 1L, 4096L, -1L, -22L, -4095L, -4096L}) CHECK(sp::to_raw(sp::from_raw(raw)) == raw);
  CHECK(sp::to_raw(sp::Result<void>{}) == 0);
  CHECK(sp::to_raw(sp::Result<void>{sp::fail(EBUSY)}) == -EBUSY);
}

TEST_CASE("identifiers of different kinds do not convert into each other") {
  static_assert(!std::is_convertible_v<sp::NodeId, sp::Vpid>);
  static_assert(!std::is_convertible_v<int, sp::HostPid>);
  CHECK(sp::NodeId{1} < sp::NodeId{2});
  CHECK(sp::Vpid{5} == sp::Vpid{5});
}
