// SPDX-License-Identifier: Apache-2.0
// Runs a program for `spctl bench`: takes what it prints and how long it lived, and ends it, with all that it started,
// when it takes too long or when spctl itself is interrupted.
#pragma once
#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace sp::spctl {

struct ProgramResult {
  std::string output; // the beginning of its standard output
  uint64_t wall_ns;   // from starting it to its end
};

// The error says in words how it failed.
tl::expected<ProgramResult, std::string> run_program(const std::vector<std::string>& command, int limit_s);

// While one of these lives, signals that end spctl end its programs first and remove `path_to_remove` (may be empty).
class CleanInterrupt {
public:
  explicit CleanInterrupt(const std::string& path_to_remove);
  ~CleanInterrupt();
  CleanInterrupt(const CleanInterrupt&) = delete;
};

} // namespace sp::spctl
