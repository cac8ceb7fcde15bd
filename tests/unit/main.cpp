// SPDX-License-Identifier: Apache-2.0
// main() of every unit test program: doctest's own, and after a failure the command that repeats it.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

int main(int argc, char** argv) {
  doctest::Context tests(argc, argv);
  const int failed = tests.run();
  if (failed) {
    std::fprintf(stderr, "repeat with:");
    for (int i = 0; i < argc; ++i) std::fprintf(stderr, " %s", argv[i]);
    std::fprintf(stderr, "\n");
  }
  return failed;
}
