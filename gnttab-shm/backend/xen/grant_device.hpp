// SPDX-License-Identifier: Apache-2.0
// The kernel's two grant devices, by raw calls, because libxengnttab cannot map at an address of the caller's choice.
//
// gntalloc: an open file owns the pages that were allocated with it; they are granted to one domain and mapped at their
// offset, as often as one likes. When file and mappings are gone the kernel takes the grants back, at once or as soon as
// the peer has unmapped them: a process that is killed leaves none behind.
// gntdev: an open file maps references of another domain; one mapping is exactly one request, so each mapping here has
// a file of its own, which the mapping itself keeps alive.
#pragma once
#include <span>
#include <vector>

#include "gnttab-shm/segment.hpp"
#include "libsuperproc/base/ids.hpp"
#include "libsuperproc/base/result.hpp"

namespace sp::xen {

using DomainId = Id<struct DomainTag, int32_t>;
using GrantRef = uint32_t; // the kernel's number, as it stands in shared pages

// A descriptor that is closed at the end of the scope unless it is released.
class Descriptor {
public:
  explicit Descriptor(int value = -1) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(other.release()) {}
  ~Descriptor();
  int get() const { return value_; }
  int release() {
    const int value = value_;
    value_ = -1;
    return value;
  }

private:
  int value_;
};

Result<Descriptor> open_device(const char* path);
// Adds pages to what the file owns and appends their references. ENOSPC: more than gntalloc's limit, or no grant
// entries are left. Page i of the file is at offset 4096 * i, counted over all calls.
Result<void> allocate_grants(int gntalloc, DomainId peer, uint64_t page_count, std::vector<GrantRef>& refs);
// EINVAL, EFAULT: a reference is not one that this domain may map.
Result<Mapping> map_grants(DomainId owner, std::span<const GrantRef> refs, const MapRequest& request);

} // namespace sp::xen
