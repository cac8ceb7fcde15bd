// SPDX-License-Identifier: Apache-2.0
// The tree of SubProcesses: order, drawing, and what /proc may say that is no tree.
#include <doctest/doctest.h>

#include "spctl/kinship.hpp"

using namespace sp::spctl;

namespace {

std::string drawn(const std::vector<int32_t>& parents) {
  std::string text;
  for (const Branch& branch : forest(parents)) text += branch.prefix + std::to_string(branch.index) + "\n";
  return text;
}

} // namespace

TEST_CASE("children stand below their parents") {
  CHECK(drawn({-1, 0, 1, 0, -1}) == "0\n"
                                    " \\_ 1\n"
                                    " |   \\_ 2\n"
                                    " \\_ 3\n"
                                    "4\n");
}

TEST_CASE("a child before its parent") { CHECK(drawn({1, -1}) == "1\n \\_ 0\n"); }

TEST_CASE("a circle, a parent of its own, and one out of the list are cut") {
  CHECK(drawn({1, 0}) == "0\n \\_ 1\n");
  CHECK(drawn({0}) == "0\n");
  CHECK(drawn({7}) == "0\n");
}

TEST_CASE("the parent in stat") {
  CHECK(parent_in_stat("12 (a) b) S 7 12 12 0") == 7);
  CHECK(parent_in_stat("12 (a) S") == 0);
  CHECK(parent_in_stat("12 (a) S -3 1") == 0);
  CHECK(parent_in_stat("") == 0);
}
