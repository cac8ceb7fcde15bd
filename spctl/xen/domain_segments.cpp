// SPDX-License-Identifier: Apache-2.0
// See domain_nodes.hpp. The memory of a cluster of domains, as the first domain makes it.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "gnttab-shm/backend/xen/range_place.hpp"
#include "gnttab-shm/backend/xen/store.hpp"
#include "libsuperproc/cluster/cluster_memory.hpp"
#include "spctl/ringer.hpp"
#include "spctl/xen/domain_nodes.hpp"
#include "spctl/xen/domain_range.hpp"

namespace sp::spctl {
namespace {

tl::unexpected<Refusal> refused(std::string text) {
  return tl::unexpected<Refusal>(Refusal{kExitOwnError, std::move(text)});
}

// What an earlier cluster has left is taken away by its nodes in a moment.
Result<xen::PlacedRange> make_range(xen::DomainId self, uint64_t bytes, const std::vector<int>& domains) {
  constexpr int kTries = 50;
  constexpr useconds_t kTryUs = 100'000;
  std::vector<xen_address_range_peer> peers;
  for (const int domain : domains)
    peers.push_back({static_cast<uint16_t>(domain), XEN_ADDRESS_RANGE_READ | XEN_ADDRESS_RANGE_WRITE});
  for (int i = 0;; ++i, usleep(kTryUs)) {
    auto placed = xen::RangePlace::create(self, bytes, peers);
    if (placed || placed.error().value != ENOSPC || i == kTries) return placed;
  }
}

constexpr uint64_t kUnitBytes = 2ull << 20;
constexpr uint64_t kSegmentBytes = (wire::cluster_bytes(kDomainRecords) + kUnitBytes - 1) / kUnitBytes * kUnitBytes;
constexpr uint64_t kPoolBytesMin = 4ull << 20;

// All that the domain has, as the number of its ranges is small: one cluster at a time.
uint64_t range_bytes() {
  const auto reserved = xen::RangePlace::reserved();
  return reserved ? reserved->bytes : 0;
}

uint64_t pool_bytes(uint64_t range, uint32_t node_count) {
  return node_count && range > kSegmentBytes ? (range - kSegmentBytes) / node_count / kUnitBytes * kUnitBytes : 0;
}

// A mount that no folder shows; -1.
int mount_range(uint64_t start, uint64_t pool, uint32_t node_count) {
  const int made = fsopen("superproc", FSOPEN_CLOEXEC);
  if (made < 0) return -1;
  const auto say = [made](const char* key, uint64_t value) {
    return fsconfig(made, FSCONFIG_SET_STRING, key, std::to_string(value).c_str(), 0) == 0;
  };
  const bool right = say("start", start) && say("segment", kSegmentBytes) && say("pool", pool) &&
                     say("pools", node_count) && fsconfig(made, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
  // A peer of a range must not execute what it has mapped: Xen would end the domain.
  const int mounted = right ? fsmount(made, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC) : -1;
  const int error = errno;
  close(made);
  errno = error;
  return mounted;
}

} // namespace

DomainRange& domain_range() {
  static DomainRange range;
  return range;
}

bool hold_range(const xen::PlacedRange& placed) {
  return mmap(nullptr, 4096, PROT_NONE, MAP_SHARED, placed.use.get(), 0) != MAP_FAILED;
}

tl::expected<std::vector<int>, Refusal> open_range(const xen::PlacedRange& placed, uint32_t node_count) {
  const int mounted = mount_range(placed.record.address, pool_bytes(placed.record.bytes, node_count), node_count);
  if (mounted < 0 && errno == ENODEV)
    return refused("the kernel has no file system superproc: insmod superproc_memory.ko (script/build-module)");
  if (mounted < 0) return refused(fmt::format("the domains' memory cannot be mounted: {}", errno_text(errno)));
  std::vector<int> files{openat(mounted, "superproc-segment", O_RDWR | O_CLOEXEC)};
  for (uint32_t n = 0; n < node_count; ++n)
    files.push_back(openat(mounted, fmt::format("superproc-pool-{}", n).c_str(), O_RDWR | O_CLOEXEC));
  const int error = errno;
  close(mounted);
  if (*std::min_element(files.begin(), files.end()) < 0)
    return refused(fmt::format("the domains' memory cannot be opened: {}", errno_text(error)));
  return files;
}

// Those of an earlier cluster's nodes are there again in a moment.
tl::expected<std::vector<int>, Refusal> willing_domains(uint32_t count) {
  constexpr int32_t kLast = 255;
  constexpr int kTries = 50;
  constexpr useconds_t kTryUs = 100'000;
  const auto self = xen::Store::own_domain();
  auto store = xen::Store::open();
  if (!self || !store) return refused("this is no Xen domain, or xenstore cannot be reached; see spctl doctor");
  std::vector<int> domains;
  for (int i = 0; i < kTries && domains.size() < count; ++i) {
    if (i) usleep(kTryUs);
    domains.clear();
    for (int32_t domain = 1; domain <= kLast && domains.size() < count; ++domain)
      if (domain != self->value && store->offer_of({domain}, *self)) domains.push_back(domain);
  }
  if (domains.size() < count)
    return refused(fmt::format("{} other domains are wanted, and {} are ready: say `spctl join {}` in them", count,
                               domains.size(), self->value));
  return domains;
}

tl::expected<Segments, Refusal> make_domain_segments(const RunSettings& settings) {
  const auto domains = willing_domains(settings.node_count - 1);
  if (!domains) return tl::unexpected<Refusal>(domains.error());
  const auto self = xen::Store::own_domain();
  const uint64_t bytes = range_bytes();
  if (pool_bytes(bytes, settings.node_count) < kPoolBytesMin)
    return refused(fmt::format("{} MiB of memory for ranges are needed, and there are {}: say memmap=SIZE$START on the "
                               "kernel's command line",
                               (kSegmentBytes + settings.node_count * kPoolBytesMin) >> 20, bytes >> 20));
  const auto placed = make_range(*self, bytes, *domains);
  if (!placed)
    return refused(
        fmt::format("no range of {} MiB that domains can share: {}", bytes >> 20, errno_text(placed.error().value)));
  domain_range() = {*self, placed->record.id, *domains};
  auto files = open_range(*placed, settings.node_count);
  if (!files) return tl::unexpected<Refusal>(files.error());
  Segments segments{std::move(*files), {}};
  if (!hold_range(*placed) || map_cluster_segment(segments.common[0]) != 0)
    return refused(fmt::format("the range cannot be mapped: {}", errno_text(errno)));
  auto& nodes = reinterpret_cast<wire::Sleepers*>(wire::kClusterSleepers)->nodes;
  for (uint32_t n = 1; n < settings.node_count; ++n) nodes[n].domain = static_cast<uint32_t>((*domains)[n - 1]);
  if (!format_cluster(settings, {}, {kDomainRecords, 1}))
    return refused("kernel.pid_max: too few process numbers for these nodes; use fewer, or raise it");
  segments.boards.assign(settings.node_count, -1);
  segments.boards[0] = make_board(0, settings.node_count);
  if (have_board(segments.boards[0]) != 0) return refused("no memory for the node's board");
  return segments;
}

} // namespace sp::spctl
