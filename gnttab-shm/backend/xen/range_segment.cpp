// SPDX-License-Identifier: Apache-2.0
// The backend's segments that are ranges.
#include <algorithm>
#include <sys/mman.h>

#include "gnttab-shm/backend/placed_mapping.hpp"
#include "gnttab-shm/backend/xen/memory_mount.hpp"
#include "gnttab-shm/backend/xen/store.hpp"
#include "gnttab-shm/backend/xen/xen.hpp"
#include "libsuperproc/base/sys.hpp"

namespace sp {

using xen::DomainId;
using xen::RangeCall;
using xen::RangePlace;

Capabilities XenBackend::capabilities() const {
  if (sharing_ == xen::Sharing::grants || !RangePlace::reserved() || !RangeCall::there()) return {};
  return Capabilities::of(Capability::range_mapping);
}

bool XenBackend::is_peer(int32_t domain) const {
  return std::any_of(peers_.begin(), peers_.end(), [domain](DomainId peer) { return peer.value == domain; });
}

bool XenBackend::uses_range(uint64_t bytes) const {
  if (sharing_ != xen::Sharing::best) return sharing_ == xen::Sharing::ranges;
  return (peers_.size() > 1 || bytes >= xen::kUnitBytes) && capabilities().has(Capability::range_mapping);
}

Result<Segment> XenBackend::create_range(uint64_t bytes) {
  TRY(const DomainId self, xen::Store::own_domain());
  if (bytes > xen::kUnitBytes * XEN_ADDRESS_RANGE_UNITS_MAX) return fail(ENOSPC);
  std::vector<xen_address_range_peer> peers;
  for (const DomainId peer : peers_)
    peers.push_back({static_cast<uint16_t>(peer.value), XEN_ADDRESS_RANGE_READ | XEN_ADDRESS_RANGE_WRITE});
  auto placed = RangePlace::create(self, bytes, peers);
  if (!placed) return fail(placed.error().value);
  return remember(std::move(placed->use), {.bytes = bytes, .owner = self, .range = placed->record});
}

Result<Segment> XenBackend::open_range(SegmentName name) {
  TRY(const DomainId self, xen::Store::own_domain());
  const DomainId owner{name.owner.value};
  auto placed = RangePlace::open(self, {owner, {static_cast<uint32_t>(name.id.value & ~kRangeName)}});
  if (!placed) return fail(placed.error().value);
  const uint64_t bytes = placed->record.bytes;
  return remember(std::move(placed->use), {.bytes = bytes, .owner = owner, .range = placed->record, .made = false});
}

// By the module, which maps whole units; without it by /dev/mem, page by page, where the range is found by its address.
static Result<xen::Descriptor> open_memory(const xen::RangeRecord& range, uint64_t& offset) {
  if (auto mount = xen::mount_memory({.start = range.address, .segment_bytes = range.unit_bytes}))
    return xen::open_memory_file(*mount, xen::kMemorySegmentName);
  offset += range.address;
  return xen::open_device("/dev/mem");
}

Result<Mapping> XenBackend::map_range(int record, const xen::RangeRecord& range, const MapRequest& request) {
  if (request.access != Access::read && !(range.rights & XEN_ADDRESS_RANGE_WRITE)) return fail(EACCES);
  uint64_t offset = request.offset;
  const auto memory = open_memory(range, offset);
  if (!memory) return fail(memory.error().value);
  void* pin = mmap(nullptr, 4096, PROT_NONE, MAP_SHARED, record, 0);
  if (pin == MAP_FAILED) return fail(errno);
  const auto mapped = map_placed(memory->get(), offset, request);
  if (!mapped) {
    munmap(pin, 4096);
    return mapped;
  }
  const std::lock_guard guard(lock_);
  pins_[mapped->start] = pin;
  return mapped;
}

// What had another mapping put over it keeps its pin: it may be in use still.
void XenBackend::unpin(const void* start) {
  const std::lock_guard guard(lock_);
  const auto found = pins_.find(start);
  if (found == pins_.end()) return;
  munmap(found->second, 4096);
  pins_.erase(found);
}

Result<void> XenBackend::revoke(Segment segment, DomainId peer) {
  TRY(const Known what, known(segment));
  if (!what.range || !what.made) return fail(ENOTSUP);
  return RangeCall::revoke({what.range->id}, peer);
}

} // namespace sp
