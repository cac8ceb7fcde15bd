// SPDX-License-Identifier: Apache-2.0
// The reader on a whole map, on one under change, and on a map of which one field at a time is spoilt.
#include <cstddef>
#include <functional>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/memory/vma_operations.hpp"

using sp::memory::read_vmas;
using sp::wire::kPageBytes;
using sp::wire::kVmaRecordsOffset;
using sp::wire::Vma;
using sp::wire::VmaKind;
using sp::wire::VmaMapHeader;

namespace {

constexpr uint64_t kBase = 0x2000'0000'0000;

struct Fixture {
  Fixture() : memory(100), map(*sp::memory::VmaMap::format(memory.data(), memory.bytes(), kBase, kBase + (1 << 30))) {
    for (uint32_t i = 0; i < 5; ++i)
      REQUIRE(map.allocate(3 * kPageBytes, kPageBytes, {.flags = i, .prot = 3, .kind = VmaKind::anonymous}));
  }
  // What the reader says of a copy in which `spoil` had its way.
  int error_after(const std::function<void(VmaMapHeader&, Vma*)>& spoil) const {
    sp::test::VmaMemory copy(100);
    std::memcpy(copy.data(), memory.data(), memory.bytes());
    auto* header = reinterpret_cast<VmaMapHeader*>(copy.data());
    spoil(*header, reinterpret_cast<Vma*>(copy.data() + kVmaRecordsOffset));
    const auto result = read_vmas(copy.image());
    return result ? 0 : result.error().value;
  }
  sp::test::VmaMemory memory;
  sp::memory::VmaMap map;
};

} // namespace

TEST_CASE("the reader lists what the map holds, from no more than it says it needs") {
  Fixture f;
  const size_t bytes = *sp::memory::vma_image_bytes(f.memory.image().first(kVmaRecordsOffset));
  CHECK(bytes == kVmaRecordsOffset + 7 * sizeof(Vma)); // five, the top, and record 0
  const auto vmas = read_vmas(f.memory.image().first(bytes));
  REQUIRE(vmas.has_value());
  REQUIRE(vmas->size() == 6);
  CHECK((*vmas)[2].start == kBase + 6 * kPageBytes);
  CHECK((*vmas)[2].flags == 2);
  CHECK((*vmas)[2].next == 0);
  CHECK((*vmas)[5].kind == VmaKind::free);
  CHECK((*vmas)[5].end == f.map.end());
  CHECK(read_vmas(f.memory.image().first(bytes - 1)).error().value == ENODATA);
  CHECK(read_vmas(f.memory.image().first(kVmaRecordsOffset - 1)).error().value == ENODATA);
  CHECK(read_vmas({}).error().value == ENODATA);
}

TEST_CASE("each change moves the generation") {
  Fixture f;
  const uint32_t before = *sp::memory::vma_generation(f.memory.image());
  REQUIRE(f.map.assign(kBase, kBase + kPageBytes, {}));
  CHECK(*sp::memory::vma_generation(f.memory.image()) == before + 2);
  CHECK(f.error_after([](VmaMapHeader& h, Vma*) { ++h.generation; }) == EAGAIN);
}

TEST_CASE("the reader refuses a spoilt map") {
  Fixture f;
  CHECK(f.error_after([](VmaMapHeader&, Vma*) {}) == 0);
  const std::vector<std::function<void(VmaMapHeader&, Vma*)>> spoils = {
      [](VmaMapHeader& h, Vma*) { h.magic ^= 1; },
      [](VmaMapHeader& h, Vma*) { ++h.version; },
      [](VmaMapHeader& h, Vma*) { h.record_bytes = 72; },
      [](VmaMapHeader& h, Vma*) { h.start = h.end; },
      [](VmaMapHeader& h, Vma*) { h.end += kPageBytes; },
      [](VmaMapHeader& h, Vma*) { h.end += 1; },
      [](VmaMapHeader& h, Vma*) { h.count = 0; },
      [](VmaMapHeader& h, Vma*) { --h.count; },
      [](VmaMapHeader& h, Vma*) { h.count = 0xffffffff; },
      [](VmaMapHeader& h, Vma*) { h.high = h.capacity + 1; },
      [](VmaMapHeader& h, Vma*) { h.first = h.high + 1; },
      [](VmaMapHeader& h, Vma*) { h.first = 0; },
      [](VmaMapHeader& h, Vma*) { h.last = h.first; },
      [](VmaMapHeader& h, Vma* r) { r[h.last].next = h.first; },
      [](VmaMapHeader& h, Vma* r) { r[h.first].next = h.first; },
      [](VmaMapHeader& h, Vma* r) { r[h.first].next = 0xffffffff; },
      [](VmaMapHeader& h, Vma* r) { r[h.first].next = 0; },
      [](VmaMapHeader& h, Vma* r) { r[h.first].end += kPageBytes; },
      [](VmaMapHeader& h, Vma* r) { r[h.first].end = r[h.first].start; },
      [](VmaMapHeader& h, Vma* r) { r[h.last].start -= kPageBytes; },
      [](VmaMapHeader& h, Vma* r) { r[h.last].previous = h.first; },
      [](VmaMapHeader& h, Vma* r) { r[h.first].child[1] = 0x80000000; },
      [](VmaMapHeader& h, Vma* r) { r[h.first].kind = static_cast<VmaKind>(6); },
      [](VmaMapHeader& h, Vma* r) { r[h.first].prot = 0x83; },
  };
  for (size_t i = 0; i < spoils.size(); ++i) {
    INFO("spoilt field ", i);
    CHECK(f.error_after(spoils[i]) == EPROTO);
  }
  // A header that claims more records than the image has.
  CHECK(f.error_after([](VmaMapHeader& h, Vma*) { h.capacity = h.high = 101; }) == ENODATA);
  CHECK(f.error_after([](VmaMapHeader& h, Vma*) { h.capacity = h.high = h.count = 0xffffffff; }) == ENODATA);
}
