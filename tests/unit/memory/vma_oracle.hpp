// SPDX-License-Identifier: Apache-2.0
// What a VmaMap must say, kept in the plainest way: the attributes of every page in an array, and the records made from
// it by comparing neighbours. Used by the unit tests and by the fuzz target; it knows nothing of the map's inside.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "libsuperproc/wire/vma.hpp"

namespace sp::test {

class VmaOracle {
public:
  struct Range {
    uint64_t start;
    uint64_t end;
    wire::VmaAttributes attributes; // from `start` on
    bool operator==(const Range&) const = default;
  };

  VmaOracle(uint64_t start, uint64_t end) : start_(start), pages_((end - start) / wire::kPageBytes) {}

  static wire::VmaAttributes moved(wire::VmaAttributes attributes, uint64_t distance) {
    if (has_file_offset(attributes.kind))
      attributes.file_offset += distance;
    else
      attributes.file_offset = 0;
    return attributes;
  }

  const wire::VmaAttributes& at(uint64_t address) const { return pages_[(address - start_) / wire::kPageBytes]; }

  void assign(uint64_t a, uint64_t b, const wire::VmaAttributes& attributes) {
    for (uint64_t p = a; p < b; p += wire::kPageBytes)
      pages_[(p - start_) / wire::kPageBytes] = moved(attributes, p - a);
  }

  // The records that meet [a, b), clipped.
  std::vector<Range> ranges(uint64_t a, uint64_t b) const {
    std::vector<Range> result;
    for (uint64_t p = a; p < b; p += wire::kPageBytes) {
      if (!result.empty() && moved(result.back().attributes, p - result.back().start) == at(p))
        result.back().end += wire::kPageBytes;
      else
        result.push_back({p, p + wire::kPageBytes, at(p)});
    }
    return result;
  }
  std::vector<Range> ranges() const { return ranges(start_, start_ + pages_.size() * wire::kPageBytes); }

  bool all_of_kind(uint64_t a, uint64_t b, wire::VmaKind kind) const {
    for (uint64_t p = a; p < b; p += wire::kPageBytes)
      if (at(p).kind != kind) return false;
    return true;
  }
  bool none_of_kind(uint64_t a, uint64_t b, wire::VmaKind kind) const {
    for (uint64_t p = a; p < b; p += wire::kPageBytes)
      if (at(p).kind == kind) return false;
    return true;
  }

  uint64_t used_bytes() const {
    uint64_t pages = 0;
    for (const auto& page : pages_) pages += page.kind != wire::VmaKind::free;
    return pages * wire::kPageBytes;
  }

  // Is there one free record that has room for such an allocation?
  bool has_room(uint64_t bytes, uint64_t alignment) const {
    for (const Range& range : ranges()) {
      const uint64_t address = (range.start + alignment - 1) / alignment * alignment;
      if (range.attributes.kind == wire::VmaKind::free && address < range.end && range.end - address >= bytes)
        return true;
    }
    return false;
  }

private:
  uint64_t start_;
  std::vector<wire::VmaAttributes> pages_;
};

} // namespace sp::test
