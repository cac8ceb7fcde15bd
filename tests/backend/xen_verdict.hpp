// SPDX-License-Identifier: Apache-2.0
// How the programs that run in guests judge: one line for what is wrong, one in the end.
#pragma once
#include <cstdio>
#include <cstring>

namespace sp::test {

inline int bad_count = 0;

inline void check(bool right, const char* what) {
  if (right) return;
  ++bad_count;
  std::printf("bad: %s\n", what);
}

template <class R>
void refused(const R& result, int expected, const char* what) {
  if (!result && result.error().value == expected) return;
  ++bad_count;
  std::printf("bad: %s: %s instead of %s\n", what, result ? "done" : strerrorname_np(result.error().value),
              strerrorname_np(expected));
}

// The exit status.
inline int ended(const char* name) {
  if (bad_count == 0) std::printf("ok %s\n", name);
  return bad_count != 0;
}

} // namespace sp::test
