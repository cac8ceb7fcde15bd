// SPDX-License-Identifier: Apache-2.0
// Prints what was found: for people, as JSON, and as the C++ text that site_tables.cpp includes.
#pragma once
#include <ostream>
#include <span>
#include <vector>

#include "shim/sites/finder.hpp"

namespace sp::sites {

struct FileSites {
  CodeImage image;
  std::vector<Site> sites;
  uint32_t patchable_count() const;
  uint32_t stray_count() const;
};

enum class Detail : uint8_t { Summary, EverySite };

void print_table(std::ostream& out, const FileSites& file, Detail detail);
void print_json(std::ostream& out, std::span<const FileSites> files);
// constexpr arrays and `constexpr sp::shim::SiteTable kSiteTables[]`.
void print_include(std::ostream& out, std::span<const FileSites> files);

} // namespace sp::sites
