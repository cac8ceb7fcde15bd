// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/backend/xen/grant_device.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <xen/sys/gntalloc.h>
#include <xen/sys/gntdev.h>

#include "gnttab-shm/backend/placed_mapping.hpp"
#include "libsuperproc/base/sys.hpp"

namespace sp::xen {

static constexpr uint64_t kPagesPerRequest = 16384; // the kernel makes one array of each request

Descriptor::~Descriptor() {
  if (value_ >= 0) sys::call(SYS_close, value_);
}

Result<Descriptor> open_device(const char* path) {
  TRY(const long opened, from_raw(sys::call(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0)));
  return Descriptor(static_cast<int>(opened));
}

Result<void> allocate_grants(int gntalloc, DomainId peer, uint64_t page_count, std::vector<GrantRef>& refs) {
  while (page_count) {
    const auto count = static_cast<uint32_t>(std::min(page_count, kPagesPerRequest));
    std::vector<uint64_t> room((sizeof(ioctl_gntalloc_alloc_gref) + count * sizeof(GrantRef)) / 8 + 1);
    auto* request = reinterpret_cast<ioctl_gntalloc_alloc_gref*>(room.data());
    request->domid = static_cast<uint16_t>(peer.value);
    request->flags = GNTALLOC_FLAG_WRITABLE;
    request->count = count;
    TRY_VOID(from_raw(sys::call(SYS_ioctl, gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, request)));
    refs.insert(refs.end(), request->gref_ids, request->gref_ids + count);
    page_count -= count;
  }
  return {};
}

Result<Mapping> map_grants(DomainId owner, std::span<const GrantRef> refs, const MapRequest& request) {
  const auto gntdev = open_device("/dev/xen/gntdev");
  if (!gntdev) return fail(gntdev.error().value);
  std::vector<uint64_t> room((sizeof(ioctl_gntdev_map_grant_ref) + refs.size_bytes() * 2) / 8 + 1);
  auto* map = reinterpret_cast<ioctl_gntdev_map_grant_ref*>(room.data());
  map->count = static_cast<uint32_t>(refs.size());
  ioctl_gntdev_grant_ref* next = map->refs;
  for (const GrantRef ref : refs) *next++ = {static_cast<uint32_t>(owner.value), ref};
  TRY_VOID(from_raw(sys::call(SYS_ioctl, gntdev->get(), IOCTL_GNTDEV_MAP_GRANT_REF, map)));
  return map_placed(gntdev->get(), map->index, request);
}

} // namespace sp::xen
