// SPDX-License-Identifier: Apache-2.0
// See mapping_list.hpp.
#include "spctl/mapping_list.hpp"

#include <charconv>
#include <fmt/core.h>
#include <fstream>

#include "libsuperproc/wire/address_map.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace sp::spctl {
namespace {

// Takes a hexadecimal number and the character behind it off the front of `text`.
std::optional<uint64_t> take_hex(std::string_view& text, char behind) {
  uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (parsed.ec != std::errc() || parsed.ptr == text.data() + text.size() || *parsed.ptr != behind) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(parsed.ptr - text.data()) + 1);
  return number;
}

} // namespace

std::optional<Mapping> parse_mapping(std::string_view line) {
  Mapping mapping{};
  const auto start = take_hex(line, '-');
  const auto end = start ? take_hex(line, ' ') : std::nullopt;
  if (!end || *end <= *start || line.size() < 5 || line[4] != ' ') return std::nullopt;
  mapping.start = *start;
  mapping.end = *end;
  mapping.permissions = line.substr(0, 4);
  line.remove_prefix(5);
  const auto offset = take_hex(line, ' ');
  if (!offset) return std::nullopt;
  mapping.offset = *offset;
  for (int field = 0; field < 2; ++field) { // device and inode
    const size_t blank = line.find(' ');
    line.remove_prefix(blank == std::string_view::npos ? line.size() : blank + 1);
  }
  const size_t name = line.find_first_not_of(' ');
  if (name != std::string_view::npos) mapping.name = line.substr(name);
  for (char& c : mapping.name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return mapping;
}

std::vector<Mapping> read_mappings(int32_t pid) {
  std::vector<Mapping> mappings;
  std::ifstream file(fmt::format("/proc/{}/maps", pid));
  for (std::string line; std::getline(file, line);)
    if (auto mapping = parse_mapping(line)) mappings.push_back(std::move(*mapping));
  return mappings;
}

std::string region_name(uint64_t address) {
  if (address >= wire::kControlBase && address < wire::kControlBase + wire::kControlBytes) return "control";
  if (address >= wire::kNodeBase && address < wire::kNodeBase + wire::kNodeBytes) return "node";
  if (address >= wire::kClusterBase && address < wire::kClusterBase + wire::kClusterBytes) return "cluster";
  if (wire::in_arenas(address)) return fmt::format("arena {}", wire::arena_node(address).value);
  if (wire::in_files(address)) return fmt::format("files {}", wire::file_node(address).value);
  if (address >= wire::kSourceBase && address < wire::kSourceEnd) return "sources";
  return "image";
}

} // namespace sp::spctl
