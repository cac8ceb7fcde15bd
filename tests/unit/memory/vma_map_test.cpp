// SPDX-License-Identifier: Apache-2.0
// Each operation of VmaMap by itself, with the records one expects to read afterwards.
#include <sys/mman.h>

#include <doctest/doctest.h>

#include "tests/unit/memory/vma_operations.hpp"

using sp::memory::kLargePageBytes;
using sp::memory::VmaMap;
using sp::wire::kPageBytes;
using sp::wire::Vma;
using sp::wire::VmaAttributes;
using sp::wire::VmaKind;

namespace {

constexpr uint64_t kBase = 0x2000'0000'0000;
constexpr uint64_t page(uint64_t n) { return kBase + n * kPageBytes; }

VmaAttributes anonymous(int prot = PROT_READ | PROT_WRITE) {
  return {.prot = static_cast<uint8_t>(prot), .kind = VmaKind::anonymous};
}
VmaAttributes file(uint64_t offset_pages, uint32_t id = 7) {
  return {.file_offset = offset_pages * kPageBytes, .file_id = id, .prot = PROT_READ, .kind = VmaKind::file_private};
}
constexpr VmaAttributes kFree{};

struct Fixture {
  explicit Fixture(uint64_t pages = 1 << 20, size_t capacity = 1000)
      : memory(capacity), map(*VmaMap::format(memory.data(), memory.bytes(), kBase, page(pages))) {}
  ~Fixture() {
    const char* reason = map.check();
    CHECK_MESSAGE(reason == nullptr, std::string(reason != nullptr ? reason : ""));
  }
  // Borders of all records in pages from the base, with a letter for the kind, such as "a0 .2 f5".
  std::string text() const {
    std::string result;
    map.each(map.start(), map.end(), [&](const Vma& vma) {
      if (!result.empty()) result += ' ';
      result += ".apshr"[static_cast<int>(vma.kind)];
      result += std::to_string((vma.start - kBase) / kPageBytes);
    });
    return result;
  }
  sp::test::VmaMemory memory;
  VmaMap map;
};

} // namespace

TEST_CASE("a new map is one free record") {
  Fixture f;
  CHECK(f.map.count() == 1);
  CHECK(f.map.used_bytes() == 0);
  CHECK(f.map.unused_count() == 999);
  CHECK(f.map.find(page(5) + 17).start == kBase);
  CHECK(f.map.next(f.map.first()) == nullptr);
  CHECK(f.text() == ".0");
}

TEST_CASE("format refuses what cannot be a map") {
  sp::test::VmaMemory memory(2);
  CHECK(VmaMap::format(memory.data(), memory.bytes(), kBase, kBase).error().value == EINVAL);
  CHECK(VmaMap::format(memory.data(), memory.bytes(), 0, kBase).error().value == EINVAL);
  CHECK(VmaMap::format(memory.data(), memory.bytes(), kBase, page(1) + 1).error().value == EINVAL);
  CHECK(VmaMap::format(memory.data() + 8, memory.bytes() - 8, kBase, page(1)).error().value == EINVAL);
  CHECK(VmaMap::format(memory.data(), sp::wire::kVmaRecordsOffset, kBase, page(1)).error().value == EINVAL);
  CHECK(VmaMap::format(memory.data(), memory.bytes(), kBase, page(1)).has_value());
}

TEST_CASE("assign splits at both ends and merges with equal neighbours") {
  Fixture f;
  REQUIRE(f.map.assign(page(10), page(20), anonymous()));
  CHECK(f.text() == ".0 a10 .20");
  REQUIRE(f.map.assign(page(20), page(30), anonymous()));
  CHECK(f.text() == ".0 a10 .30");
  REQUIRE(f.map.assign(page(30), page(40), anonymous(PROT_READ)));
  CHECK(f.text() == ".0 a10 a30 .40");
  REQUIRE(f.map.assign(page(12), page(14), kFree));
  CHECK(f.text() == ".0 a10 .12 a14 a30 .40");
  CHECK(f.map.used_bytes() == 28 * kPageBytes);
  REQUIRE(f.map.assign(page(12), page(14), anonymous()));
  CHECK(f.text() == ".0 a10 a30 .40");
  REQUIRE(f.map.assign(page(5), page(50), file(0)));
  CHECK(f.text() == ".0 p5 .50");
  REQUIRE(f.map.assign(f.map.start(), f.map.end(), kFree));
  CHECK(f.text() == ".0");
  CHECK(f.map.used_bytes() == 0);
}

TEST_CASE("assign refuses addresses that are no pages of the window") {
  Fixture f(100);
  for (const auto& [a, b] : {std::pair{page(0) - kPageBytes, page(1)},
                             {page(99), page(101)},
                             {page(2), page(2)},
                             {page(3), page(2)},
                             {page(2) + 1, page(3)},
                             {page(2), page(3) + 1}})
    CHECK(f.map.assign(a, b, anonymous()).error().value == EINVAL);
  CHECK(f.text() == ".0");
}

TEST_CASE("file records merge only where the offsets continue") {
  Fixture f;
  REQUIRE(f.map.assign(page(10), page(20), file(0)));
  REQUIRE(f.map.assign(page(20), page(30), file(10)));
  CHECK(f.text() == ".0 p10 .30");
  REQUIRE(f.map.assign(page(30), page(40), file(21)));
  CHECK(f.text() == ".0 p10 p30 .40");
  REQUIRE(f.map.assign(page(40), page(50), file(31, 8)));
  CHECK(f.text() == ".0 p10 p30 p40 .50");
  REQUIRE(f.map.assign(page(12), page(15), kFree));
  CHECK(f.map.find(page(15)).file_offset == 5 * kPageBytes);
  CHECK(f.map.find(page(15)).attributes(page(17)).file_offset == 7 * kPageBytes);
  REQUIRE(f.map.assign(page(8), page(10), file(100)));
  REQUIRE(f.map.assign(page(12), page(15), file(2)));
  CHECK(f.text() == ".0 p8 p10 p30 p40 .50");
}

TEST_CASE("each clips to the range and stops when told") {
  Fixture f;
  REQUIRE(f.map.assign(page(10), page(20), file(3)));
  std::vector<Vma> seen;
  f.map.each(page(12), page(25), [&](const Vma& vma) { seen.push_back(vma); });
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].start == page(12));
  CHECK(seen[0].file_offset == 5 * kPageBytes);
  CHECK(seen[1].end == page(25));
  CHECK(seen[1].kind == VmaKind::free);
  int calls = 0;
  f.map.each(0, ~0ull, [&](const Vma&) { return ++calls < 2; });
  CHECK(calls == 2);
}

TEST_CASE("allocate reuses the addresses freed last and splits from the low end") {
  Fixture f;
  uint64_t addresses[6];
  for (auto& address : addresses) {
    address = *f.map.allocate(kPageBytes, kPageBytes, anonymous());
    CHECK(f.map.find(address).kind == VmaKind::anonymous);
  }
  CHECK(addresses[0] == page(0));
  CHECK(addresses[5] == page(5));
  CHECK(f.text() == "a0 .6");
  REQUIRE(f.map.assign(addresses[3], addresses[3] + kPageBytes, kFree));
  REQUIRE(f.map.assign(addresses[1], addresses[1] + kPageBytes, kFree));
  CHECK(*f.map.allocate(kPageBytes, kPageBytes, anonymous()) == addresses[1]);
  CHECK(*f.map.allocate(kPageBytes, kPageBytes, anonymous()) == addresses[3]);
  CHECK(*f.map.allocate(kPageBytes, kPageBytes, anonymous()) == page(6));
}

TEST_CASE("allocate prefers the exact size, then a larger hole, then the top") {
  Fixture f;
  REQUIRE(f.map.assign(page(0), page(1000), anonymous()));
  REQUIRE(f.map.assign(page(100), page(102), kFree));
  REQUIRE(f.map.assign(page(200), page(201), kFree));
  REQUIRE(f.map.assign(page(300), page(400), kFree));
  CHECK(*f.map.allocate(kPageBytes, kPageBytes, anonymous()) == page(200));
  CHECK(*f.map.allocate(kPageBytes, kPageBytes, anonymous()) == page(100));
  CHECK(*f.map.allocate(2 * kPageBytes, kPageBytes, anonymous()) == page(300));
  CHECK(*f.map.allocate(98 * kPageBytes, kPageBytes, anonymous()) == page(302));
  CHECK(*f.map.allocate(3 * kPageBytes, kPageBytes, anonymous()) == page(1000));
}

TEST_CASE("large and aligned allocations") {
  Fixture f;
  CHECK(*f.map.allocate(kPageBytes, kPageBytes, anonymous()) == page(0));
  const uint64_t large = *f.map.allocate(3 * kLargePageBytes, kPageBytes, anonymous());
  CHECK(large % kLargePageBytes == 0);
  const uint64_t aligned = *f.map.allocate(kPageBytes, 64 * kPageBytes, anonymous());
  CHECK(aligned % (64 * kPageBytes) == 0);
  CHECK(aligned < large); // in the hole that the large one left
  REQUIRE(f.map.assign(large, large + 3 * kLargePageBytes, kFree));
  CHECK(*f.map.allocate(3 * kLargePageBytes, kPageBytes, anonymous(PROT_READ)) == large);
  CHECK(f.map.allocate(kPageBytes, kPageBytes + 1, anonymous()).error().value == EINVAL);
  CHECK(f.map.allocate(kPageBytes, 16, anonymous()).error().value == EINVAL);
  CHECK(f.map.allocate(1, kPageBytes, anonymous()).error().value == EINVAL);
  CHECK(f.map.allocate(0, kPageBytes, anonymous()).error().value == EINVAL);
  CHECK(f.map.allocate(~0ull << 12, kPageBytes, anonymous()).error().value == ENOMEM);
  CHECK(f.map.allocate(kPageBytes, 1ull << 63, anonymous()).error().value == ENOMEM);
}

TEST_CASE("alignment for large pages is given up before the request is") {
  Fixture f(1024); // the base is aligned to 2 MiB: room for one aligned request and nearly another
  REQUIRE(f.map.assign(page(0), page(1), anonymous()));
  REQUIRE(f.map.assign(page(1023), page(1024), anonymous()));
  CHECK(*f.map.allocate(1000 * kPageBytes, kPageBytes, anonymous()) == page(1));
  CHECK(f.map.allocate(1000 * kPageBytes, kPageBytes, anonymous()).error().value == ENOMEM);
  CHECK(*f.map.allocate(22 * kPageBytes, kPageBytes, anonymous()) == page(1001));
  CHECK(f.text() == "a0");
  CHECK(f.map.allocate(kPageBytes, kPageBytes, anonymous()).error().value == ENOMEM);
}

TEST_CASE("allocate tells what the free record said") {
  Fixture f;
  REQUIRE(f.map.assign(page(0), page(100), anonymous()));
  REQUIRE(f.map.assign(page(50), page(51), {.applied = 5, .prot = PROT_READ}));
  VmaAttributes former;
  CHECK(*f.map.allocate(kPageBytes, kPageBytes, anonymous(), &former) == page(50));
  CHECK(former.applied == 5);
  CHECK(former.prot == PROT_READ);
}

TEST_CASE("update changes each record of the range and splits at its ends") {
  Fixture f;
  REQUIRE(f.map.assign(page(10), page(20), anonymous()));
  REQUIRE(f.map.assign(page(20), page(30), file(0)));
  int calls = 0;
  REQUIRE(f.map.update(page(15), page(25), [&](VmaAttributes& attributes) {
    attributes.prot = PROT_NONE;
    ++calls;
  }));
  CHECK(calls == 2);
  CHECK(f.text() == ".0 a10 a15 p20 p25 .30");
  CHECK(f.map.find(page(15)).prot == PROT_NONE);
  CHECK(f.map.find(page(25)).file_offset == 5 * kPageBytes);
  REQUIRE(
      f.map.update(page(15), page(20), [](VmaAttributes& attributes) { attributes.prot = PROT_READ | PROT_WRITE; }));
  REQUIRE(f.map.update(page(12), page(28), [](VmaAttributes& attributes) { attributes.prot = PROT_READ; }));
  CHECK(f.text() == ".0 a10 a12 p20 .30");
}

TEST_CASE("update that makes a record equal to its successor still visits the successor") {
  Fixture f;
  REQUIRE(f.map.assign(page(0), page(10), anonymous(PROT_READ)));
  REQUIRE(f.map.assign(page(10), page(20), anonymous(PROT_WRITE)));
  int calls = 0;
  REQUIRE(f.map.update(page(0), page(20), [&](VmaAttributes& attributes) {
    attributes.prot ^= PROT_READ | PROT_WRITE;
    ++calls;
  }));
  CHECK(calls == 2);
  CHECK(f.map.find(page(0)).prot == PROT_WRITE);
  CHECK(f.map.find(page(10)).prot == PROT_READ);
}

TEST_CASE("is_mapped and is_free") {
  Fixture f;
  REQUIRE(f.map.assign(page(10), page(20), anonymous()));
  REQUIRE(f.map.assign(page(20), page(30), file(0)));
  REQUIRE(f.map.assign(page(30), page(40), {.kind = VmaKind::reserved}));
  CHECK(f.map.is_mapped(page(10), page(30)));
  CHECK_FALSE(f.map.is_mapped(page(9), page(30)));
  CHECK_FALSE(f.map.is_mapped(page(10), page(31)));
  CHECK_FALSE(f.map.is_mapped(page(10), page(10)));
  CHECK(f.map.is_free(page(0), page(10)));
  CHECK_FALSE(f.map.is_free(page(0), page(11)));
  CHECK_FALSE(f.map.is_free(page(30), page(31)));
}

TEST_CASE("try_extend grows a record over free addresses") {
  Fixture f;
  REQUIRE(f.map.assign(page(10), page(20), file(0)));
  REQUIRE(f.map.assign(page(30), page(40), anonymous()));
  CHECK_FALSE(f.map.try_extend(page(10), page(20), page(31)));
  CHECK_FALSE(f.map.try_extend(page(9), page(20), page(21)));
  CHECK_FALSE(f.map.try_extend(page(0), page(5), page(6)));
  CHECK(f.text() == ".0 p10 .20 a30 .40");
  CHECK(f.map.try_extend(page(15), page(20), page(25)));
  CHECK(f.text() == ".0 p10 .25 a30 .40");
  CHECK(f.map.try_extend(page(10), page(25), page(30)));
  CHECK(f.text() == ".0 p10 a30 .40");
  CHECK(f.map.find(page(29)).attributes(page(29)).file_offset == 19 * kPageBytes);
  CHECK_FALSE(f.map.try_extend(page(30), page(40), f.map.end() + kPageBytes));
  CHECK(f.map.try_extend(page(30), page(40), f.map.end()));
  CHECK(f.text() == ".0 p10 a30");
}

TEST_CASE("a partial munmap gives its addresses to later requests") {
  Fixture f;
  const uint64_t address = *f.map.allocate(64 * kPageBytes, kPageBytes, anonymous());
  CHECK(*f.map.allocate(kPageBytes, kPageBytes, anonymous(PROT_READ)) == address + 64 * kPageBytes);
  REQUIRE(f.map.assign(address + 16 * kPageBytes, address + 32 * kPageBytes, kFree));
  CHECK(f.map.used_bytes() == 49 * kPageBytes);
  CHECK(*f.map.allocate(10 * kPageBytes, kPageBytes, anonymous(PROT_NONE)) == address + 16 * kPageBytes);
  CHECK(*f.map.allocate(6 * kPageBytes, kPageBytes, anonymous(PROT_NONE)) == address + 26 * kPageBytes);
  CHECK(*f.map.allocate(kPageBytes, kPageBytes, anonymous(PROT_NONE)) == address + 65 * kPageBytes);
  CHECK(f.text() == "a0 a16 a32 a64 a65 .66");
}

TEST_CASE("an exhausted pool refuses and changes nothing, and what needs no record still works") {
  Fixture f(1000, 4);
  REQUIRE(f.map.assign(page(10), page(20), anonymous()));
  REQUIRE(f.map.assign(page(20), page(30), file(0)));
  CHECK(f.map.unused_count() == 0);
  const std::vector<std::byte> before(f.memory.image().begin(), f.memory.image().end());
  CHECK(f.map.assign(page(12), page(14), kFree).error().value == ENOMEM);
  CHECK(f.map.assign(page(50), page(60), anonymous()).error().value == ENOMEM);
  CHECK(f.map.update(page(12), page(14), [](VmaAttributes&) { FAIL("called"); }).error().value == ENOMEM);
  CHECK(f.map.allocate(kPageBytes, kPageBytes, file(0)).error().value == ENOMEM);
  CHECK(std::equal(before.begin(), before.end(), f.memory.image().begin()));
  CHECK(f.map.try_extend(page(20), page(30), page(40)));
  REQUIRE(f.map.assign(page(5), page(15), anonymous()));
  CHECK(f.text() == ".0 a5 p20 .40");
  REQUIRE(f.map.assign(page(20), page(40), kFree));
  CHECK(f.map.unused_count() == 1);
  CHECK(f.map.allocate(kPageBytes, kPageBytes, file(0)).has_value());
}

TEST_CASE("a second view of the same memory is the same map") {
  Fixture f;
  VmaMap other(f.memory.data());
  const uint64_t address = *other.allocate(kPageBytes, kPageBytes, anonymous());
  CHECK(f.map.find(address).kind == VmaKind::anonymous);
  CHECK(f.map.used_bytes() == kPageBytes);
}

TEST_CASE("look-up stays shallow however the records come") {
  for (const int order : {0, 1, 2}) {
    Fixture f(1 << 18, 1 << 17);
    constexpr uint64_t kCount = 1 << 16;
    for (uint64_t i = 0; i < kCount; ++i) {
      const uint64_t n = order == 0 ? i : order == 1 ? kCount - 1 - i : (i * 40503) % kCount;
      REQUIRE(f.map.assign(page(2 * n), page(2 * n + 1), anonymous()));
    }
    CHECK(f.map.count() == 2 * kCount);
    const sp::memory::VmaTree tree(f.memory.data());
    int deepest = 0;
    for (uint64_t i = 0; i < kCount; i += 64) {
      int depth = 0;
      for (uint32_t n = tree.locate(page(2 * i)); n != 0; n = tree.at(n).parent) ++depth;
      deepest = std::max(deepest, depth);
    }
    CHECK(deepest < 60); // 17 levels would be perfect
  }
}
