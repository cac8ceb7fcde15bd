// SPDX-License-Identifier: Apache-2.0
// Room for a jump where no code is: the bytes that fill up to an aligned address, behind a jump or return, which nothing
// enters. A `syscall` without neighbours to replace takes a jump of two bytes to such a place, an *island*, and a jump of
// five from there.
#pragma once
#include <cstdint>
#include <vector>

#include "shim/sites/code_listing.hpp"
#include "shim/sites/entry_map.hpp"

namespace sp::sites {

class Padding {
public:
  Padding(const CodeListing& listing, const EntryMap& entries);

  // Where five bytes are that a short jump at `site` reaches; nobody else is given them. 0: nowhere.
  uint64_t take(uint64_t site);

private:
  struct Room {
    uint64_t begin, end;
  };
  void add_within(const FunctionCode& code, const EntryMap& entries);
  void add_behind(const CodeListing& listing, const FunctionCode& code, uint64_t end, const EntryMap& entries);
  void add(uint64_t begin, uint64_t end, const EntryMap& entries);

  std::vector<Room> rooms_;
};

} // namespace sp::sites
