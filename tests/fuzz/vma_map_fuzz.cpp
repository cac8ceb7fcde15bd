// SPDX-License-Identifier: Apache-2.0
// rooms: base memory
// The bytes choose operations on a small map, which must agree with its oracle; then they spoil a copy of the map's
// bytes, which the reader may refuse but must survive; what it accepts must be a map. At last they are taken as an image.
#include <vector>

#include "tests/unit/memory/vma_operations.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using sp::fuzz::insist;

constexpr unsigned kStepCountMax = 200;
constexpr unsigned kSpoiledCountMax = 16;

struct Bytes {
  const uint8_t* data;
  size_t size;
  uint32_t below(uint32_t limit) {
    uint32_t value = 0;
    for (int i = 0; i < (limit > 256 ? 2 : 1) && size != 0; ++i, --size) value = value << 8 | *data++;
    return value % limit;
  }
};

void read(std::span<const std::byte> image) {
  const auto vmas = sp::memory::read_vmas(image);
  if (!vmas) return;
  insist(!vmas->empty(), "a map without records");
  for (size_t i = 0; i < vmas->size(); ++i) {
    insist((*vmas)[i].start < (*vmas)[i].end, "an empty record");
    insist(i == 0 || (*vmas)[i].start == (*vmas)[i - 1].end, "a gap");
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes{data, size};
  const uint32_t capacity = bytes.below(4) == 0 ? 1 + bytes.below(16) : 200;
  sp::test::VmaOperations operations(100, capacity, [&](uint32_t limit) { return bytes.below(limit); });
  for (unsigned i = 0; i < kStepCountMax && bytes.size != 0; ++i) {
    const char* reason = operations.step();
    if (reason == nullptr && i % 8 == 0) reason = operations.compare();
    insist(reason == nullptr, reason);
  }
  const char* reason = operations.compare();
  insist(reason == nullptr, reason);

  const auto image = operations.memory().image();
  std::vector<std::byte> copy(image.begin(), image.end());
  for (unsigned i = 0; i < kSpoiledCountMax && bytes.size != 0; ++i) {
    copy[bytes.below(static_cast<uint32_t>(copy.size()))] = static_cast<std::byte>(bytes.below(256));
    read(copy);
  }
  read(std::span(copy).first(bytes.below(static_cast<uint32_t>(copy.size()))));
  // The input as records behind a header that is in order.
  if (size > sp::wire::kVmaRecordsOffset) {
    copy.assign(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
    std::copy_n(image.begin(), 64, copy.begin());
    read(copy);
  }
  return 0;
}
