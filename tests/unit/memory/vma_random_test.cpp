// SPDX-License-Identifier: Apache-2.0
// Tens of thousands of random operations against the oracle, with a roomy pool and with one that is nearly always full.
#include <random>

#include <doctest/doctest.h>

#include "tests/unit/memory/vma_operations.hpp"

namespace {

uint64_t run(uint64_t pages, size_t capacity, unsigned seed, unsigned steps) {
  std::mt19937 random(seed);
  sp::test::VmaOperations operations(pages, capacity, [&](uint32_t below) { return random() % below; });
  for (unsigned i = 0; i < steps; ++i) {
    const char* reason = operations.step();
    if (reason == nullptr) reason = operations.compare();
    INFO("seed ", seed, ", step ", i, ": ", std::string(reason != nullptr ? reason : ""));
    REQUIRE(reason == nullptr);
  }
  return operations.refused_count();
}

} // namespace

TEST_CASE("random operations agree with an array of pages") {
  for (unsigned seed = 1; seed <= 4; ++seed) run(200, 400, seed, 5000);
  for (unsigned seed = 5; seed <= 8; ++seed) run(40, 100, seed, 5000);
}

TEST_CASE("random operations on a full pool change all or nothing") {
  uint64_t refused = 0;
  for (unsigned capacity = 1; capacity <= 12; ++capacity) refused += run(60, capacity, 100 + capacity, 2000);
  CHECK(refused > 1000);
}
