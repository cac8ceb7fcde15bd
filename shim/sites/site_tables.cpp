// SPDX-License-Identifier: Apache-2.0
// The tables that sp-sites wrote at build time, as the shim carries them. A library whose build id is not here is served
// by Syscall User Dispatch alone.
#include "shim/sites/site_table.hpp"

namespace sp::shim {
namespace {
#include "site_tables.inc"
} // namespace

std::span<const SiteTable> site_tables() { return kSiteTables; }

} // namespace sp::shim
