// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/backend/xen/limits.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "gnttab-shm/backend/xen/libraries.hpp"

namespace sp::xen {

static constexpr uint64_t kRefsPerFrame = 512; // version 1 entries, 8 bytes each

static uint64_t read_number(const char* path) {
  unsigned long value = 0;
  if (FILE* file = std::fopen(path, "re")) {
    if (std::fscanf(file, "%lu", &value) != 1) value = 0;
    std::fclose(file);
  }
  return value;
}

// Xen's own word; 0 where this process may not ask it.
static uint64_t grant_frames_max() {
  xencall_handle* call = xencall_open(nullptr, 0);
  if (!call) return 0;
  uint64_t frames = 0;
  if (auto* query = static_cast<gnttab_query_size*>(xencall_alloc_buffer(call, sizeof(gnttab_query_size)))) {
    *query = {DOMID_SELF, 0, 0, 0};
    if (xencall3(call, __HYPERVISOR_grant_table_op, GNTTABOP_query_size, reinterpret_cast<uintptr_t>(query), 1) == 0 &&
        query->status == GNTST_okay)
      frames = query->max_nr_frames;
    xencall_free_buffer(call, query);
  }
  xencall_close(call);
  return frames;
}

Limits Limits::read() {
  Limits limits;
  limits.gntalloc_pages = read_number("/sys/module/xen_gntalloc/parameters/limit");
  limits.map_pages = read_number("/sys/module/xen_gntdev/parameters/limit");
  limits.grant_frames = grant_frames_max();
  return limits;
}

uint64_t Limits::grant_count_max() const {
  uint64_t most = std::numeric_limits<uint64_t>::max();
  if (gntalloc_pages) most = std::min(most, gntalloc_pages);
  if (grant_frames) most = std::min(most, grant_frames * kRefsPerFrame);
  return most;
}

} // namespace sp::xen
