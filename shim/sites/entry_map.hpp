// SPDX-License-Identifier: Apache-2.0
// Which addresses of a file's code may be entered otherwise than from the instruction before: branch targets, function
// starts, landing pads, addresses that code or data names, jump tables. Too many is safe, too few is not: where a
// function jumps indirectly, what follows a jump or return that has no other way in is taken for a target as well.
#pragma once
#include <cstdint>
#include <unordered_map>

#include "shim/sites/code_listing.hpp"

namespace sp::sites {

// Whether all the ways in are branches of the same function that we see.
enum class Entry : uint8_t { None, Inside, Outside };

class EntryMap {
public:
  explicit EntryMap(const CodeListing& listing);

  Entry at(uint64_t address) const {
    auto found = entries_.find(address);
    return found == entries_.end() ? Entry::None : found->second;
  }

private:
  void add(uint64_t address, Entry entry);
  void add_if_instruction(uint64_t address);
  void add_named_by_data();
  void add_function(const FunctionCode& code);
  void add_indirect_targets(const FunctionCode& code);
  void add_jump_table(const FunctionCode& code, uint64_t table, uint64_t base);

  const CodeListing& listing_;
  const CodeImage& image_;
  std::unordered_map<uint64_t, Entry> entries_;
};

} // namespace sp::sites
