// SPDX-License-Identifier: Apache-2.0
// See domain_nodes.hpp. The memory of a cluster of domains, as the first domain makes it.
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
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

// Its header says how long it is before it is mapped as everybody does.
bool map_new(int memory) {
  constexpr size_t kHeaderBytes = wire::kClusterQueues - wire::kClusterBase;
  void* const header =
      mmap(nullptr, kHeaderBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, lseek(memory, 0, SEEK_CUR));
  if (header == MAP_FAILED) return false;
  static_cast<wire::ClusterHeader*>(header)->moved_count = kDomainRecords;
  munmap(header, kHeaderBytes);
  errno = static_cast<int>(-map_cluster_segment(memory));
  return errno == 0;
}

} // namespace

DomainRange& domain_range() {
  static DomainRange range;
  return range;
}

int hold_range(const xen::PlacedRange& placed) {
  if (mmap(nullptr, 4096, PROT_NONE, MAP_SHARED, placed.use.get(), 0) == MAP_FAILED) return -1;
  const int memory = open("/dev/mem", O_RDWR | O_CLOEXEC);
  const auto start = static_cast<off_t>(placed.record.address);
  return memory >= 0 && lseek(memory, start, SEEK_SET) == start ? memory : -1;
}

std::vector<int> local_memory(uint32_t node, uint32_t node_count) {
  std::vector<int> pools;
  for (uint32_t n = 0; n < node_count; ++n)
    pools.push_back(n == node ? make_memory(fmt::format("superproc-pool-{}", n), wire::kPoolBytes)
                              : open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); // nobody can open it to write
  return pools;
}

tl::expected<std::vector<int>, Refusal> willing_domains(uint32_t count) {
  constexpr int32_t kLast = 255;
  const auto self = xen::Store::own_domain();
  auto store = xen::Store::open();
  if (!self || !store) return refused("this is no Xen domain, or xenstore cannot be reached; see spctl doctor");
  std::vector<int> domains;
  for (int32_t domain = 1; domain <= kLast && domains.size() < count; ++domain)
    if (domain != self->value && store->offer_of({domain}, *self)) domains.push_back(domain);
  if (domains.size() < count)
    return refused(fmt::format("{} other domains are wanted, and {} are ready: say `spctl join {}` in them", count,
                               domains.size(), self->value));
  return domains;
}

tl::expected<Segments, Refusal> make_domain_segments(const RunSettings& settings) {
  const auto domains = willing_domains(settings.node_count - 1);
  if (!domains) return tl::unexpected<Refusal>(domains.error());
  const auto self = xen::Store::own_domain();
  const auto placed = make_range(*self, wire::cluster_bytes(kDomainRecords), *domains);
  if (!placed)
    return refused(fmt::format("no range of {} MiB that domains can share: {}",
                               wire::cluster_bytes(kDomainRecords) >> 20, errno_text(placed.error().value)));
  domain_range() = {*self, placed->record.id, *domains};
  Segments segments;
  segments.common.push_back(hold_range(*placed));
  if (const int memory = segments.common[0]; memory < 0 || !map_new(memory))
    return refused(fmt::format("the range cannot be mapped: {}", errno_text(errno)));
  auto& nodes = reinterpret_cast<wire::Sleepers*>(wire::kClusterSleepers)->nodes;
  for (uint32_t n = 1; n < settings.node_count; ++n) nodes[n].domain = static_cast<uint32_t>((*domains)[n - 1]);
  if (!format_cluster(settings, {}, {kDomainRecords, 1}))
    return refused("kernel.pid_max: too few process numbers for these nodes; use fewer, or raise it");
  for (const int pool : local_memory(0, settings.node_count)) segments.common.push_back(pool);
  segments.boards.assign(settings.node_count, -1);
  segments.boards[0] = make_board(0, settings.node_count);
  if (have_board(segments.boards[0]) != 0) return refused("no memory for the node's board");
  return segments;
}

} // namespace sp::spctl
