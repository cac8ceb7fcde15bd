// SPDX-License-Identifier: Apache-2.0
// How a segment that is granted page by page is found by one number: its root page names list pages, which name the
// pages of data, all by grant reference. The owner writes them before it tells anybody the root's reference and never
// changes them; the peer maps them read-only, copies, then checks the copy.
#pragma once
#include <cstdint>

namespace sp::wire {

inline constexpr uint32_t kGrantRootMagic = 0x54524753; // "SGRT"
inline constexpr uint32_t kGrantRootVersion = 1;
inline constexpr uint32_t kRefsPerPage = 1024;
inline constexpr uint32_t kListPagesMax = 1018;

struct GrantRoot {
  uint32_t magic;
  uint32_t version;
  uint64_t bytes; // of the segment
  uint32_t list_count;
  uint32_t self; // this page's own reference
  uint32_t list[kListPagesMax];
};
static_assert(sizeof(GrantRoot) == 4096);

} // namespace sp::wire
