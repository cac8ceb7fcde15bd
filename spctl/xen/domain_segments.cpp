// SPDX-License-Identifier: Apache-2.0
// See domain_nodes.hpp. The memory of a cluster of domains, as the first domain makes it.
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "gnttab-shm/backend/xen/memory_mount.hpp"
#include "gnttab-shm/backend/xen/range_call.hpp"
#include "gnttab-shm/backend/xen/range_place.hpp"
#include "gnttab-shm/backend/xen/store.hpp"
#include "libsuperproc/cluster/cluster_memory.hpp"
#include "spctl/ringer.hpp"
#include "spctl/xen/domain_nodes.hpp"
#include "spctl/xen/domain_clocks.hpp"
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

tl::unexpected<Refusal> no_memory(const char* what, int error) {
  if (error == ENODEV)
    return refused("the kernel has no file system superproc: insmod superproc_memory.ko (script/build-module)");
  return refused(fmt::format("the domains' memory cannot be {}: {}", what, errno_text(error)));
}

tl::expected<xen::Descriptor, Refusal> mount_range(const xen::PlacedRange& placed, uint32_t node_count) {
  auto mounted = xen::mount_memory(
      {placed.record.address, kSegmentBytes, pool_bytes(placed.record.bytes, node_count), node_count});
  if (!mounted) return no_memory("mounted", mounted.error().value);
  return std::move(*mounted);
}

} // namespace

DomainRange& domain_range() {
  static DomainRange range;
  return range;
}

tl::expected<uint32_t, Refusal> node_count_of(const xen::PlacedRange& placed) {
  const auto mounted = mount_range(placed, 0);
  if (!mounted) return tl::unexpected<Refusal>(mounted.error());
  const auto segment = xen::open_memory_file(*mounted, xen::kMemorySegmentName);
  if (!segment) return no_memory("opened", segment.error().value);
  wire::ClusterHeader told{};
  if (pread(segment->get(), &told, sizeof told, 0) != sizeof told) return no_memory("read", errno);
  const bool is_one = told.magic == wire::kClusterMagic && told.version == wire::kClusterVersion &&
                      told.bytes == sizeof told && told.has_boards && told.node_count <= kNodeCountMax;
  if (!is_one) return refused("the first domain's range holds no cluster of this version of superproc");
  return told.node_count;
}

tl::expected<Segments, Refusal> open_range(const xen::PlacedRange& placed, uint32_t node_count) {
  if (mmap(nullptr, 4096, PROT_NONE, MAP_SHARED, placed.use.get(), 0) == MAP_FAILED) return no_memory("held", errno);
  const auto mounted = mount_range(placed, node_count);
  if (!mounted) return tl::unexpected<Refusal>(mounted.error());
  Segments segments;
  for (uint32_t n = 0; n <= node_count; ++n) {
    const auto name = n ? fmt::format("superproc-pool-{}", n - 1) : xen::kMemorySegmentName;
    auto file = xen::open_memory_file(*mounted, name.c_str());
    if (!file) return no_memory("opened", file.error().value);
    segments.common.push_back(file->release());
  }
  if (const long failed = map_cluster_segment(segments.common[0]))
    return no_memory("mapped", static_cast<int>(-failed));
  return segments;
}

std::optional<Refusal> lack_of_this_domain() {
  const auto lacks = [](std::string text) { return Refusal{kExitOwnError, std::move(text)}; };
  if (geteuid() != 0) return lacks("nodes of domains need root, as mounting and Xen's devices do");
  if (!xen::Store::own_domain()) return lacks("this is no Xen domain, or xenstore cannot be reached");
  if (!xen::RangeCall::there())
    return lacks("the hypervisor shares no ranges with this domain; script/build-xen makes one that does");
  if (const auto files = xen::has_memory_files(); !files) return no_memory("mounted", files.error().value).value();
  return std::nullopt;
}

bool add_board(Segments& segments, uint32_t node) {
  const auto node_count = static_cast<uint32_t>(segments.common.size() - 1);
  segments.boards.assign(node_count, -1);
  segments.boards[node] = make_board(node, node_count);
  return have_board(segments.boards[node]) == 0;
}

// An offer with a port is of a node: of a cluster that runs, or of one that just ends, which is willing again in a moment.
tl::expected<std::vector<int>, Refusal> willing_domains(uint32_t count) {
  constexpr int32_t kLast = 255;
  constexpr std::chrono::seconds kPatience{5};
  constexpr useconds_t kTryUs = 100'000;
  const auto until = std::chrono::steady_clock::now() + kPatience;
  const auto self = xen::Store::own_domain();
  auto store = xen::Store::open();
  if (!self || !store) return refused("xenstore cannot be reached");
  std::vector<int> domains;
  size_t busy = 0;
  for (;; usleep(kTryUs)) {
    domains.clear();
    busy = 0;
    for (int32_t domain = 1; domain <= kLast && domains.size() < count; ++domain) {
      const auto offer = domain != self->value ? store->offer_of({domain}, *self) : fail(EINVAL);
      if (offer && offer->port == 0) domains.push_back(domain);
      busy += offer && offer->port != 0;
    }
    if (domains.size() == count || std::chrono::steady_clock::now() > until) break;
  }
  if (domains.size() == count) return domains;
  if (domains.size() + busy >= count)
    return refused(fmt::format("{} of {} other domains are ready, {} in use by a program that runs: end it first",
                               domains.size(), count, busy));
  return refused(
      fmt::format("{} of {} other domains are ready: say `spctl join {}` in them", domains.size(), count, self->value));
}

tl::expected<Segments, Refusal> make_domain_segments(const RunSettings& settings, const std::string& name) {
  if (auto lack = lack_of_this_domain()) return tl::unexpected<Refusal>(std::move(*lack));
  const auto domains = willing_domains(settings.node_count - 1);
  if (!domains) return tl::unexpected<Refusal>(domains.error());
  const auto self = xen::Store::own_domain();
  const uint64_t bytes = range_bytes();
  if (pool_bytes(bytes, settings.node_count) < kPoolBytesMin)
    return refused(fmt::format("{} MiB of memory for ranges are needed, and there are {}: say memmap=SIZE$START on the "
                               "kernel's command line",
                               (kSegmentBytes + settings.node_count * kPoolBytesMin) >> 20, bytes >> 20));
  const auto placed = make_range(*self, bytes, *domains);
  if (!placed && placed.error().value == ENOSPC)
    return refused(
        "programs of an earlier cluster of this domain are still running, and it has one at a time: end them");
  if (!placed)
    return refused(
        fmt::format("no range of {} MiB that domains can share: {}", bytes >> 20, errno_text(placed.error().value)));
  domain_range() = {*self, placed->record.id, *domains};
  auto segments = open_range(*placed, settings.node_count);
  if (!segments) return segments;
  tell_clocks(*reinterpret_cast<wire::Sleepers*>(wire::kClusterSleepers));
  for (uint32_t n = 0; n < settings.node_count; ++n)
    wire::cluster().nodes[n].domain = n ? (*domains)[n - 1] : self->value;
  if (!format_cluster(settings, name, {kDomainRecords, 1}))
    return refused("kernel.pid_max: too few process numbers for these nodes; use fewer, or raise it");
  if (!add_board(*segments, 0)) return no_memory("had for the board", errno);
  return segments;
}

} // namespace sp::spctl
