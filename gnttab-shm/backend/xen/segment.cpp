// SPDX-License-Identifier: Apache-2.0
// Making a segment and finding it by its root page.
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

#include "gnttab-shm/backend/placed_mapping.hpp"
#include "gnttab-shm/backend/xen/announcement.hpp"
#include "gnttab-shm/backend/xen/limits.hpp"
#include "gnttab-shm/backend/xen/store.hpp"
#include "gnttab-shm/backend/xen/wire_root.hpp"
#include "gnttab-shm/backend/xen/xen.hpp"
#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/address_map.hpp"

namespace sp {

using xen::Descriptor;
using xen::DomainId;
using xen::GrantRef;

static_assert(Backend<XenBackend>);

static constexpr uint64_t kBytesMax = uint64_t{wire::kListPagesMax} * wire::kRefsPerPage * wire::kPageBytes;

static uint64_t list_count_of(uint64_t page_count) {
  return (page_count + wire::kRefsPerPage - 1) / wire::kRefsPerPage;
}

static MapRequest pages(uint64_t count, Access access) {
  MapRequest request;
  request.bytes = count * wire::kPageBytes;
  request.access = access;
  return request;
}

// Writes the lists and the root behind the data; returns the root's reference.
static Result<GrantRef> write_lists(int file, uint64_t bytes, const std::vector<GrantRef>& refs) {
  const uint64_t page_count = bytes / wire::kPageBytes, list_count = list_count_of(page_count);
  TRY(const Mapping behind, map_placed(file, bytes, pages(list_count + 1, Access::read_write)));
  auto* lists = static_cast<GrantRef*>(behind.start);
  std::memcpy(lists, refs.data(), page_count * sizeof(GrantRef));
  auto* root = reinterpret_cast<wire::GrantRoot*>(lists + list_count * wire::kRefsPerPage);
  *root = {wire::kGrantRootMagic, wire::kGrantRootVersion, bytes, static_cast<uint32_t>(list_count), refs.back(), {}};
  std::memcpy(root->list, refs.data() + page_count, list_count * sizeof(GrantRef));
  munmap(behind.start, behind.bytes);
  return refs.back();
}

Result<Segment> XenBackend::create(const char*, uint64_t bytes) {
  if (bytes == 0 || bytes > 1ull << 46) return fail(EINVAL);
  bytes = wire::page_up(bytes);
  if (uses_range(bytes)) return create_range(bytes);
  if (peers_.size() != 1) return fail(ENOTSUP);
  const uint64_t page_count = bytes / wire::kPageBytes;
  TRY(const DomainId self, xen::Store::own_domain());
  if (peers_.empty() || is_peer(self.value)) return fail(EINVAL); // Xen moves a page that a PVH domain grants to itself
  if (bytes > kBytesMax || page_count > xen::Limits::read().grant_count_max()) return fail(ENOSPC);
  auto file = xen::open_device("/dev/xen/gntalloc");
  if (!file) return fail(file.error().value);
  std::vector<GrantRef> refs;
  TRY_VOID(xen::allocate_grants(file->get(), peers_.front(), page_count + list_count_of(page_count) + 1, refs));
  TRY(const GrantRef root, write_lists(file->get(), bytes, refs));
  TRY_VOID(xen::announce(root, {file->get(), bytes}));
  return remember(std::move(*file), {.bytes = bytes, .root = root, .owner = self});
}

// A segment of this domain's, made by another process: its very file. The root must be where the announcement says.
Result<Segment> XenBackend::open_own(GrantRef ref) {
  TRY(const DomainId self, xen::Store::own_domain());
  auto found = xen::find_announced(ref);
  if (!found) return fail(found.error().value);
  Descriptor file(found->file);
  const uint64_t root_offset = found->bytes + list_count_of(found->bytes / wire::kPageBytes) * wire::kPageBytes;
  TRY(const Mapping mapped, map_placed(file.get(), root_offset, pages(1, Access::read)));
  wire::GrantRoot root;
  std::memcpy(&root, mapped.start, sizeof root);
  munmap(mapped.start, mapped.bytes);
  if (root.magic != wire::kGrantRootMagic || root.self != ref || root.bytes != found->bytes) return fail(EPROTO);
  return remember(std::move(file), {.bytes = found->bytes, .root = ref, .owner = self});
}

// The root as it was at one moment, checked.
static Result<wire::GrantRoot> read_root(DomainId owner, GrantRef ref) {
  TRY(const Mapping mapped, xen::map_grants(owner, std::span(&ref, 1), pages(1, Access::read)));
  wire::GrantRoot root;
  std::memcpy(&root, mapped.start, sizeof root);
  munmap(mapped.start, mapped.bytes);
  if (root.magic != wire::kGrantRootMagic || root.version != wire::kGrantRootVersion) return fail(EPROTO);
  if (root.bytes == 0 || root.bytes % wire::kPageBytes || root.bytes > kBytesMax) return fail(EPROTO);
  if (root.list_count != list_count_of(root.bytes / wire::kPageBytes)) return fail(EPROTO);
  return root;
}

static Result<std::vector<GrantRef>> read_lists(DomainId owner, const wire::GrantRoot& root) {
  TRY(const Mapping mapped,
      xen::map_grants(owner, std::span(root.list, root.list_count), pages(root.list_count, Access::read)));
  const auto* first = static_cast<const GrantRef*>(mapped.start);
  std::vector<GrantRef> refs(first, first + root.bytes / wire::kPageBytes);
  munmap(mapped.start, mapped.bytes);
  return refs;
}

Result<Segment> XenBackend::open(SegmentName name) {
  if (name.id.value < 0 || name.owner.value < 0) return fail(EINVAL);
  TRY(const DomainId self, xen::Store::own_domain());
  if (name.owner.value != self.value && !is_peer(name.owner.value)) return fail(EPERM);
  if (name.id.value & kRangeName) return open_range(name);
  if (name.owner.value == self.value) return open_own(static_cast<GrantRef>(name.id.value));
  const DomainId owner{name.owner.value};
  const auto ref = static_cast<GrantRef>(name.id.value);
  TRY(const wire::GrantRoot root, read_root(owner, ref));
  TRY(std::vector<GrantRef> refs, read_lists(owner, root));
  auto file = xen::open_device("/dev/xen/gntdev");
  if (!file) return fail(file.error().value);
  return remember(std::move(*file), {.bytes = root.bytes, .root = ref, .pages = std::move(refs), .owner = owner});
}

Result<Segment> XenBackend::remember(Descriptor file, Known known) {
  const Segment segment{{file.release()}, known.bytes};
  const std::lock_guard guard(lock_);
  known_[segment.id.value] = std::move(known);
  return segment;
}

Result<XenBackend::Known> XenBackend::known(Segment segment) const {
  const std::lock_guard guard(lock_);
  const auto found = known_.find(segment.id.value);
  if (found == known_.end()) return fail(EBADF);
  return found->second;
}

Result<SegmentName> XenBackend::name(Segment segment) const {
  TRY(const Known mine, known(segment));
  const int32_t number =
      mine.range ? static_cast<int32_t>(mine.range->id) | kRangeName : static_cast<int32_t>(mine.root);
  return SegmentName{{mine.owner.value}, {number}};
}

Result<void> XenBackend::close(Segment segment) {
  const std::lock_guard guard(lock_);
  const auto found = known_.find(segment.id.value);
  if (found == known_.end()) return fail(EBADF);
  if (found->second.range && found->second.made)
    xen::RangePlace::end(segment.id.value, *found->second.range);
  else if (!found->second.range && found->second.pages.empty())
    xen::forget_announced(found->second.root);
  known_.erase(found);
  TRY_VOID(from_raw(sys::call(SYS_close, segment.id.value)));
  return {};
}

Result<Mapping> XenBackend::map(Segment segment, const MapRequest& request) {
  TRY(const Known what, known(segment));
  TRY_VOID(checked_request({segment.id, what.bytes}, request));
  if (what.range) return map_range(segment.id.value, *what.range, request);
  if (what.pages.empty()) return map_placed(segment.id.value, request.offset, request);
  const auto refs = std::span(what.pages).subspan(request.offset / wire::kPageBytes, request.bytes / wire::kPageBytes);
  return xen::map_grants(what.owner, refs, request);
}

Result<void> XenBackend::unmap(Mapping mapping) {
  TRY_VOID(from_raw(sys::call(SYS_munmap, mapping.start, mapping.bytes)));
  unpin(mapping.start);
  return {};
}

Result<void> XenBackend::discard(Segment segment, uint64_t offset, uint64_t bytes) {
  MapRequest part;
  part.offset = offset;
  part.bytes = bytes;
  TRY(const Mapping mapped, map(segment, part));
  std::memset(mapped.start, 0, mapped.bytes);
  return unmap(mapped);
}

} // namespace sp
