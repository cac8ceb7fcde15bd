// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/backend/placed_mapping.hpp"

#include <sys/mman.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/address_map.hpp"

namespace sp {

static int protection(Access access) {
  switch (access) {
    case Access::read: return PROT_READ;
    case Access::read_write: return PROT_READ | PROT_WRITE;
    case Access::read_write_execute: return PROT_READ | PROT_WRITE | PROT_EXEC;
  }
  return PROT_NONE;
}

static Result<uint64_t> map_raw(uint64_t address, uint64_t bytes, int prot, int flags, int descriptor,
                                uint64_t offset) {
  TRY(const long mapped, from_raw(sys::call(SYS_mmap, address, bytes, prot, flags, descriptor, offset)));
  return static_cast<uint64_t>(mapped);
}

// Reserves enough that a boundary lies inside, and gives back what is before and after.
static Result<uint64_t> reserve_aligned(uint64_t bytes) {
  const uint64_t reserved_bytes = bytes + kHugePageBytes;
  TRY(const uint64_t start, map_raw(0, reserved_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  const uint64_t aligned = (start + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  if (aligned > start) sys::call(SYS_munmap, start, aligned - start);
  sys::call(SYS_munmap, aligned + bytes, start + reserved_bytes - (aligned + bytes));
  return aligned;
}

Result<void> checked_request(Segment segment, const MapRequest& request) {
  const uint64_t bytes = request.bytes;
  if (bytes == 0 || wire::page_up(bytes) != bytes || wire::page_up(request.offset) != request.offset)
    return fail(EINVAL);
  if (request.offset > segment.bytes || bytes > segment.bytes - request.offset) return fail(EINVAL);
  return {};
}

Result<Mapping> map_placed(int descriptor, uint64_t file_offset, const MapRequest& request) {
  const uint64_t bytes = request.bytes;
  const bool huge = request.alignment == Alignment::huge_page;
  const bool any = request.address_rule == Address::any;
  uint64_t address = any ? 0 : request.address;
  int flags = MAP_SHARED | MAP_NORESERVE;
  if (!any) {
    if (address == 0 || address % (huge ? kHugePageBytes : wire::kPageBytes)) return fail(EINVAL);
    flags |= request.address_rule == Address::fixed ? MAP_FIXED_NOREPLACE : MAP_FIXED;
  } else if (huge) {
    TRY(address, reserve_aligned(bytes));
    flags |= MAP_FIXED; // over our own reservation
  }
  const auto mapped = map_raw(address, bytes, protection(request.access), flags, descriptor, file_offset);
  if (!mapped) {
    if (any && huge) sys::call(SYS_munmap, address, bytes);
    return fail(mapped.error().value);
  }
  if (huge) sys::call(SYS_madvise, *mapped, bytes, MADV_HUGEPAGE); // a wish: kernels without shmem huge pages refuse it
  return Mapping{reinterpret_cast<void*>(*mapped), bytes};
}

} // namespace sp
