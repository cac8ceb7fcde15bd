// SPDX-License-Identifier: Apache-2.0
// What bounds grants in this domain, found where Linux and Xen say it. 0: not told here.
#pragma once
#include <cstdint>

namespace sp::xen {

struct Limits {
  uint64_t gntalloc_pages = 0; // module parameter `limit`: pages that this domain's processes may grant, all together
  uint64_t grant_frames = 0;   // frames that the grant table may have; 512 references each
  uint64_t map_pages = 0;      // pages that one request to gntdev may map

  static Limits read();
  // References that one segment may take at most, by what is known.
  uint64_t grant_count_max() const;
};

} // namespace sp::xen
