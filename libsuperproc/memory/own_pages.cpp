// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/own_pages.hpp"

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/address_map.hpp"

namespace sp::memory {

namespace {

// Of <linux/fs.h> since 6.7.
struct PageRegion {
  uint64_t start, end, categories;
};
struct ScanArguments {
  uint64_t size, flags, start, end, walk_end, regions, region_count, page_count_max;
  uint64_t inverted, all_of, any_of, returned;
};
constexpr uint64_t kScan = 0xc0606610; // _IOWR('f', 16, struct pm_scan_arg)
constexpr uint64_t kIsFile = 4, kIsPresent = 8, kIsSwapped = 16, kIsZeroPage = 32;
static_assert(sizeof(ScanArguments) == 0x60);

// A word of /proc/self/pagemap.
constexpr uint64_t kWordPresent = 1ull << 63, kWordSwapped = 1ull << 62, kWordFile = 1ull << 61;
bool is_own(uint64_t word) { return (word & (kWordPresent | kWordSwapped)) && !(word & kWordFile); }

} // namespace

Result<> OwnPages::scan() {
  ScanArguments a{};
  a.size = sizeof a, a.start = at_, a.end = end_;
  a.regions = reinterpret_cast<uint64_t>(memory_), a.region_count = bytes_ / sizeof(PageRegion);
  a.inverted = a.all_of = kIsFile | kIsZeroPage; // neither
  a.any_of = kIsPresent | kIsSwapped;
  a.returned = kIsPresent;
  TRY(const long count, from_raw(sys::call(SYS_ioctl, descriptor_, kScan, &a)));
  auto* const runs = static_cast<PageRun*>(memory_);
  const auto* const regions = static_cast<const PageRegion*>(memory_);
  for (long i = 0; i < count; ++i) runs[i] = {regions[i].start, regions[i].end};
  count_ = static_cast<uint32_t>(count);
  // Not where the kernel says that it has ended: after some 512 regions that is where it began with the last of them.
  at_ = count_ < a.region_count ? end_ : runs[count_ - 1].end;
  return {};
}

// The words lie in the upper half of the memory, the runs made of them in the lower.
Result<> OwnPages::read() {
  const uint64_t room = bytes_ / 4;
  auto* const runs = static_cast<PageRun*>(memory_);
  const auto* const words = reinterpret_cast<const uint64_t*>(static_cast<char*>(memory_) + bytes_ - room);
  const uint64_t left = (end_ - at_) / wire::kPageBytes, pages = left < room / 8 ? left : room / 8;
  TRY(const long got, from_raw(sys::call(SYS_pread64, descriptor_, words, pages * 8, at_ / wire::kPageBytes * 8)));
  const auto count = static_cast<uint64_t>(got) / 8;
  if (count == 0) return fail(EIO);
  for (uint64_t i = 0; i < count; ++i) {
    if (!is_own(words[i])) continue;
    const uint64_t start = at_ + i * wire::kPageBytes;
    if (count_ && runs[count_ - 1].end == start)
      runs[count_ - 1].end += wire::kPageBytes;
    else
      runs[count_++] = {start, start + wire::kPageBytes};
  }
  at_ += count * wire::kPageBytes;
  return {};
}

Result<> OwnPages::ask() {
  count_ = next_ = 0;
  if (scans_) {
    const Result<> scanned = scan();
    if (scanned) return has_scanned_ = true, Result<>{};
    if (scanned.error().value != ENOTTY && scanned.error().value != EINVAL) return scanned;
    scans_ = false;
  }
  return read();
}

Result<bool> OwnPages::next(PageRun& run) {
  while (next_ == count_) {
    if (at_ >= end_) return false;
    TRY_VOID(ask());
  }
  run = static_cast<PageRun*>(memory_)[next_++];
  return true;
}

} // namespace sp::memory
