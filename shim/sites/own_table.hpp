// SPDX-License-Identifier: Apache-2.0
// The table of sites of a static program that is linked with the shim: room in the program, which `sp-sites --embed PROGRAM`
// fills after it has been linked. Unfilled, the plain form of a site is all that is patched.
#pragma once
#include "shim/sites/site_table.hpp"

namespace sp::shim {

inline constexpr uint32_t kOwnSiteCountMax = 1000; // a static glibc program has about 160
inline constexpr const char* kOwnTableSection = ".superproc.sites";
inline constexpr uint32_t kOwnTableVersion = 1;

struct OwnTable {
  uint32_t version;
  uint32_t count; // 0: not filled
  SiteRecord sites[kOwnSiteCountMax];
};
static_assert(std::is_standard_layout_v<OwnTable>);

} // namespace sp::shim
