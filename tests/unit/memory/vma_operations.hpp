// SPDX-License-Identifier: Apache-2.0
// One random operation after the other on a small map and on its oracle; the first difference is returned as text. The
// choices come from a function that gives bytes: a random generator in the unit test, the fuzzer's input in the other.
#pragma once
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string>

#include "libsuperproc/memory/vma_map.hpp"
#include "libsuperproc/memory/vma_reader.hpp"
#include "tests/unit/memory/vma_oracle.hpp"

namespace sp::test {

// Memory for a map of `capacity` records, aligned; never cleared, as format() promises not to need it.
class VmaMemory {
public:
  explicit VmaMemory(size_t capacity)
      : bytes_(wire::kVmaRecordsOffset + (capacity + 1) * sizeof(wire::Vma)),
        data_(static_cast<std::byte*>(::operator new (bytes_, std::align_val_t{64}))) {
    std::memset(data_.get(), 0xa5, bytes_);
  }
  std::byte* data() const { return data_.get(); }
  size_t bytes() const { return bytes_; }
  std::span<const std::byte> image() const { return {data_.get(), bytes_}; }

private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{64}); }
  };
  size_t bytes_;
  std::unique_ptr<std::byte, Free> data_;
};

class VmaOperations {
public:
  using Choose = std::function<uint32_t(uint32_t)>; // a number below its argument

  static constexpr uint64_t kStart = 0x2000'0000'0000 + 3 * wire::kPageBytes;

  VmaOperations(uint64_t pages, size_t capacity, Choose choose)
      : memory_(capacity), end_(kStart + pages * wire::kPageBytes), oracle_(kStart, end_), choose_(std::move(choose)),
        map_(*memory::VmaMap::format(memory_.data(), memory_.bytes(), kStart, end_)) {}

  memory::VmaMap& map() { return map_; }
  const VmaMemory& memory() const { return memory_; }
  uint64_t refused_count() const { return refused_; } // operations that found the pool empty

  // nullptr: map and oracle agree.
  const char* step() {
    const uint64_t a = kStart + choose_(page_count()) * wire::kPageBytes;
    const uint64_t limit = choose_(4) != 0 ? 8 : page_count();
    const uint64_t b = std::min(end_, a + (1 + choose_(static_cast<uint32_t>(limit))) * wire::kPageBytes);
    switch (choose_(8)) {
      case 0:
      case 1: return allocate(b - a);
      case 2: return assign(a, b, some_attributes());
      case 3:
      case 4: return assign(a, b, some_free());
      case 5: return update(a, b);
      case 6: return extend(a, b);
      default: return query(a, b);
    }
  }

  // The whole map: its own check, the records it lists, what a reader makes of its bytes.
  const char* compare() {
    if (const char* reason = map_.check()) return reason;
    const auto expected = oracle_.ranges();
    if (list(kStart, end_) != expected) return "the map lists other records";
    if (map_.count() != expected.size()) return "another count";
    if (map_.used_bytes() != oracle_.used_bytes()) return "other used bytes";
    const auto read = memory::read_vmas(memory_.image());
    if (!read) return "the reader refuses the map";
    std::vector<VmaOracle::Range> ranges;
    for (const wire::Vma& vma : *read) ranges.push_back({vma.start, vma.end, vma.attributes()});
    return ranges == expected ? nullptr : "the reader reads other records";
  }

private:
  uint32_t page_count() const { return static_cast<uint32_t>((end_ - kStart) / wire::kPageBytes); }

  wire::VmaAttributes some_attributes() {
    wire::VmaAttributes result;
    result.kind = static_cast<wire::VmaKind>(choose_(wire::kVmaKindCount));
    result.prot = static_cast<uint8_t>(choose_(2) * 3);
    result.applied = static_cast<uint16_t>(choose_(2));
    result.flags = choose_(8) == 0;
    result.file_id = has_file_offset(result.kind) ? 1 + choose_(2) : 0;
    result.file_offset = choose_(3) * wire::kPageBytes;
    return result;
  }
  wire::VmaAttributes some_free() {
    wire::VmaAttributes result;
    result.applied = choose_(8) == 0;
    return result;
  }

  std::vector<VmaOracle::Range> list(uint64_t a, uint64_t b) const {
    std::vector<VmaOracle::Range> result;
    map_.each(a, b, [&](const wire::Vma& vma) { result.push_back({vma.start, vma.end, vma.attributes()}); });
    return result;
  }

  // The pool may be too small for what was asked: then it must be so by the oracle's count, and nothing may have changed.
  const char* assign(uint64_t a, uint64_t b, const wire::VmaAttributes& attributes) {
    VmaOracle after = oracle_;
    after.assign(a, b, attributes);
    const bool fits = after.ranges().size() <= map_.count() + map_.unused_count();
    const auto done = map_.assign(a, b, attributes);
    if (done.has_value() != fits) return fits ? "assign refused without need" : "assign made records from nothing";
    if (done)
      oracle_ = after;
    else
      ++refused_;
    return !done && done.error().value != ENOMEM ? "assign failed otherwise" : nullptr;
  }

  const char* allocate(uint64_t bytes) {
    const uint64_t alignment = wire::kPageBytes << (choose_(4) == 0 ? choose_(5) : 0);
    const wire::VmaAttributes attributes = some_attributes();
    const bool room = oracle_.has_room(bytes, alignment);
    wire::VmaAttributes former;
    const auto address = map_.allocate(bytes, alignment, attributes, &former);
    if (!address) {
      ++refused_;
      if (address.error().value != ENOMEM) return "allocate failed otherwise";
      return room && map_.unused_count() >= 2 ? "allocate found nothing where there is room" : nullptr;
    }
    if (!room || *address % alignment != 0) return "allocate gave what is not there, or not aligned";
    if (*address < kStart || *address + bytes > end_) return "allocate left the window";
    if (!oracle_.all_of_kind(*address, *address + bytes, wire::VmaKind::free)) return "allocate gave used addresses";
    if (former != oracle_.at(*address)) return "allocate tells another former state";
    oracle_.assign(*address, *address + bytes, attributes);
    return nullptr;
  }

  const char* update(uint64_t a, uint64_t b) {
    const uint32_t what = choose_(4);
    const auto change = [what](wire::VmaAttributes& attributes) {
      if (what == 0) attributes.prot ^= 3;
      if (what == 1) attributes.applied |= 1;
      if (what == 2) attributes.applied = 0, attributes.prot = 1;
      if (what == 3 && attributes.kind == wire::VmaKind::anonymous) attributes.kind = wire::VmaKind::reserved;
    };
    VmaOracle after = oracle_;
    for (const auto& range : oracle_.ranges(a, b)) {
      wire::VmaAttributes attributes = range.attributes;
      change(attributes);
      after.assign(range.start, range.end, attributes);
    }
    const uint32_t unused = map_.unused_count();
    const auto done = map_.update(a, b, change);
    if (done)
      oracle_ = after;
    else
      ++refused_;
    return !done && unused >= 2 ? "update refused without need" : nullptr;
  }

  const char* extend(uint64_t a, uint64_t b) {
    const uint64_t middle = a + choose_(static_cast<uint32_t>((b - a) / wire::kPageBytes)) * wire::kPageBytes;
    if (middle == a) return nullptr;
    const auto whole = oracle_.ranges(a, middle);
    const bool expected = whole.size() == 1 && whole[0].attributes.kind != wire::VmaKind::free &&
                          whole[0].attributes.kind != wire::VmaKind::reserved &&
                          oracle_.all_of_kind(middle, b, wire::VmaKind::free);
    if (map_.try_extend(a, middle, b) != expected) return "try_extend";
    if (expected) oracle_.assign(a, b, whole[0].attributes);
    return nullptr;
  }

  const char* query(uint64_t a, uint64_t b) {
    if (list(a, b) != oracle_.ranges(a, b)) return "a part lists other records";
    if (map_.is_free(a, b) != oracle_.all_of_kind(a, b, wire::VmaKind::free)) return "is_free";
    const bool mapped =
        oracle_.none_of_kind(a, b, wire::VmaKind::free) && oracle_.none_of_kind(a, b, wire::VmaKind::reserved);
    if (map_.is_mapped(a, b) != mapped) return "is_mapped";
    const wire::Vma& vma = map_.find(b - 1);
    if (vma.start >= b || vma.end < b || vma.attributes(b - wire::kPageBytes) != oracle_.at(b - 1)) return "find";
    return nullptr;
  }

  VmaMemory memory_;
  uint64_t end_;
  VmaOracle oracle_;
  Choose choose_;
  memory::VmaMap map_;
  uint64_t refused_ = 0;
};

} // namespace sp::test
