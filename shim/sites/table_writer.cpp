// SPDX-License-Identifier: Apache-2.0
// The three forms in which results leave the finder.
#include "shim/sites/table_writer.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace sp::sites {
namespace {

std::array<uint32_t, kRefusalCount> refusal_counts(const FileSites& file) {
  std::array<uint32_t, kRefusalCount> counts{};
  for (const auto& site : file.sites) counts[static_cast<size_t>(site.refusal)]++;
  return counts;
}

std::string hexadecimal(std::span<const uint8_t> bytes) {
  std::string text;
  for (uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string number_text(int16_t number) { return number < 0 ? "?" : std::to_string(number); }

// Text inside a C++ string literal.
std::string quoted(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c >= ' ' ? c : '?';
  }
  return result;
}

} // namespace

uint32_t FileSites::patchable_count() const { return refusal_counts(*this)[static_cast<size_t>(Refusal::None)]; }

uint32_t FileSites::stray_count() const {
  return static_cast<uint32_t>(std::count_if(sites.begin(), sites.end(), [](auto& site) { return site.is_stray(); }));
}

void print_table(std::ostream& out, const FileSites& file, Detail detail) {
  if (detail == Detail::EverySite) {
    fmt::print(out, "{:>10} {:>10} {:>6} {:>6} {:>5} {:>9} {:>6}  {}\n", "syscall", "run", "length", "before", "after",
               "overwrite", "number", "in");
    for (const auto& site : file.sites) {
      const auto& record = site.record;
      const std::string name = file.image.name_at(site.syscall_address);
      if (site.refusal == Refusal::None)
        fmt::print(out, "{:#10x} {:#10x} {:6} {:6} {:5} {:9} {:>6}  {}\n", site.syscall_address, record.address,
                   record.length, record.before, record.after, record.overwrite, number_text(record.number), name);
      else
        fmt::print(out, "{:#10x} refused: {:<35} {:>11}  {}\n", site.syscall_address, text_of(site.refusal),
                   number_text(record.number), name);
    }
  }
  const auto counts = refusal_counts(file);
  std::vector<std::string> reasons;
  for (uint32_t i = 1; i < kRefusalCount; i++)
    if (counts[i] != 0) reasons.push_back(fmt::format("{} {}", counts[i], text_of(static_cast<Refusal>(i))));
  fmt::print(out, "{}: {} found, {} patchable, {} refused{}{}{}, {} stray\n", file.image.path, file.sites.size(),
             counts[0], file.sites.size() - counts[0], reasons.empty() ? "" : " (", fmt::join(reasons, "; "),
             reasons.empty() ? "" : ")", file.stray_count());
}

void print_json(std::ostream& out, std::span<const FileSites> files) {
  auto all = nlohmann::json::array();
  for (const auto& file : files) {
    nlohmann::json refused = nlohmann::json::object(), sites = nlohmann::json::array();
    const auto counts = refusal_counts(file);
    for (uint32_t i = 1; i < kRefusalCount; i++)
      if (counts[i] != 0) refused[std::string(text_of(static_cast<Refusal>(i)))] = counts[i];
    for (const auto& site : file.sites) {
      nlohmann::json one{{"syscall", site.syscall_address}, {"in", file.image.name_at(site.syscall_address)}};
      if (site.record.number >= 0) one["number"] = site.record.number;
      if (site.refusal != Refusal::None) {
        one["refused"] = text_of(site.refusal);
      } else {
        one["address"] = site.record.address;
        one["length"] = site.record.length;
        one["before"] = site.record.before;
        one["after"] = site.record.after;
        one["overwrite"] = site.record.overwrite;
      }
      sites.push_back(std::move(one));
    }
    all.push_back({{"file", file.image.path},
                   {"soname", file.image.soname},
                   {"build_id", hexadecimal(file.image.build_id)},
                   {"found", file.sites.size()},
                   {"patchable", counts[0]},
                   {"refused", refused},
                   {"stray", file.stray_count()},
                   {"sites", sites}});
  }
  out << all.dump(1) << "\n";
}

void print_include(std::ostream& out, std::span<const FileSites> files) {
  fmt::print(out, "// Written by sp-sites. Do not edit.\n");
  std::string tables;
  for (size_t i = 0; i < files.size(); i++) {
    const FileSites& file = files[i];
    const uint32_t count = file.patchable_count();
    const auto& id = file.image.build_id;
    fmt::print(out, "// {}\n", file.image.soname);
    if (!id.empty()) fmt::print(out, "constexpr uint8_t kBuildId{}[] = {{{:#04x}}};\n", i, fmt::join(id, ", "));
    if (count != 0) {
      fmt::print(out, "constexpr sp::shim::SiteRecord kSites{}[] = {{\n", i);
      for (const auto& site : file.sites) {
        const auto& r = site.record;
        if (site.refusal == Refusal::None)
          fmt::print(out, "  {{{:#x}, {}, {}, {}, {}, {}, {}, {}, {:#010x}}},\n", r.address, r.length, r.before,
                     r.after, r.overwrite, r.number, r.entered, r.island, r.check);
      }
      fmt::print(out, "}};\n");
    }
    tables += fmt::format("  {{{}, {}, {}, {}, \"{}\", {}}},\n", id.empty() ? "nullptr" : fmt::format("kBuildId{}", i),
                          id.size(), count == 0 ? "nullptr" : fmt::format("kSites{}", i), count,
                          quoted(file.image.soname), file.stray_count());
  }
  fmt::print(out, "constexpr sp::shim::SiteTable kSiteTables[] = {{\n{}}};\n", tables);
}

} // namespace sp::sites
