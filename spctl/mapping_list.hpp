// SPDX-License-Identifier: Apache-2.0
// /proc/PID/maps as data, each mapping with what it is to superproc. The kernel joins neighbours and the program chooses
// names, so the text is input like any other.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sp::spctl {

struct Mapping {
  uint64_t start, end;
  std::string permissions; // "rw-p"
  uint64_t offset;
  std::string name; // file, or [heap] and the like, or empty
};

std::optional<Mapping> parse_mapping(std::string_view line);
std::vector<Mapping> read_mappings(int32_t pid);

// "control", "cluster", "node", "arena 1", "files 0", "gate", or "image": the program, its libraries, heap and stacks.
std::string region_name(uint64_t address);

} // namespace sp::spctl
