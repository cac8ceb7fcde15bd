// SPDX-License-Identifier: Apache-2.0
// Each rule of the finder on a function of cases.S, what every record guarantees, and the counts of the real libc.
#include <cstring>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <unistd.h>

#include "shim/sites/elf_file.hpp"
#include "shim/sites/finder.hpp"
#include "shim/sites/site_table.hpp"
#include "tests/unit/sites/loaded_file.hpp"

using namespace sp::sites;

namespace {

const CodeImage& cases() {
  static const CodeImage image = read_elf(SP_SITE_CASES).value();
  return image;
}

std::vector<Site> sites_of(const std::string& name) {
  static const std::vector<Site> all = find_sites(cases());
  std::vector<Site> found;
  for (const auto& site : all) {
    const std::string in = cases().name_at(site.syscall_address);
    if (in == name || in.starts_with(name + "+")) found.push_back(site);
  }
  return found;
}

Site site_of(const std::string& name) {
  const auto found = sites_of(name);
  REQUIRE_MESSAGE(found.size() == 1, name);
  return found[0];
}

void check_run(const std::string& name, uint32_t before, uint32_t after, uint32_t overwrite, int number) {
  const Site site = site_of(name);
  INFO(name, ": ", text_of(site.refusal));
  REQUIRE(site.refusal == Refusal::None);
  CHECK(site.record.before == before);
  CHECK(site.record.after == after);
  CHECK(site.record.overwrite == overwrite);
  CHECK(site.record.number == number);
  CHECK(site.record.address + before == site.syscall_address);
}

void check_refused(const std::string& name, Refusal refusal) {
  INFO(name);
  CHECK(text_of(site_of(name).refusal) == text_of(refusal));
}

// What site_table.hpp promises about every record of a file.
void check_promises(const CodeImage& image, const std::vector<Site>& sites) {
  uint64_t free_from = 0;
  for (const auto& site : sites) {
    if (site.refusal != Refusal::None) continue;
    const auto& r = site.record;
    INFO(image.path, " ", r.address);
    CHECK(r.length == r.before + 2u + r.after);
    CHECK(r.before <= sp::shim::kBeforeBytesMax);
    CHECK(r.after <= sp::shim::kAfterBytesMax);
    CHECK(r.before + r.after <= sp::shim::kMovedBytesMax);
    if (r.island != 0) {
      CHECK((r.length == 2 && r.before == 0 && r.overwrite == 2));
      CHECK(image.is_code(site.syscall_address + 2 + static_cast<uint64_t>(int64_t{r.island})));
      continue;
    }
    CHECK(r.overwrite >= 5);
    CHECK(r.overwrite <= r.length);
    CHECK((r.before < 5 || r.overwrite <= r.before));
    CHECK(r.address >= free_from);
    free_from = r.address + r.length;
    const Area* area = image.area_at(r.address);
    REQUIRE(area != nullptr);
    const uint8_t* bytes = area->bytes.data() + (r.address - area->address);
    CHECK(std::memcmp(bytes + r.before, "\x0f\x05", 2) == 0);
    CHECK(r.check == sp::shim::site_check(bytes, r.length));
    const bool immediate = r.before == 5 && bytes[0] == 0xb8;
    if (immediate) {
      int32_t number = 0;
      std::memcpy(&number, bytes + 1, sizeof number);
      CHECK(r.number == (number >= 0 && number <= 0x7fff ? number : -1));
    }
  }
}

} // namespace

TEST_CASE("a mov of the number is the run, and only its bytes are overwritten") {
  check_run("mov_immediate", 5, 0, 5, 39);
  check_run("mov_wide", 7, 0, 7, 39);
  // Who branches to the syscall may bring another number, but does not come through the stub.
  check_run("mov_immediate_entered_at_syscall", 5, 0, 5, 39);
}

TEST_CASE("neighbours make room where the number needs no five bytes") {
  check_run("zero_number", 0, 6, 8, 0);
  check_run("branch_behind_run", 2, 2, 6, -1);
}

TEST_CASE("the number is known where all ways agree") {
  check_run("number_in_register", 3, 0, 5, 39);
  check_run("number_of_two_ways", 3, 0, 5, -1);
  check_run("number_lost_in_call", 3, 0, 5, -1);
  check_run("number_kept_over_call", 3, 0, 5, 39);
}

TEST_CASE("a branch, a table or a pointer into the run refuses it") {
  check_refused("branch_into_run", Refusal::BranchInside);
  check_refused("jump_table_into_run", Refusal::BranchInside);
  check_refused("address_taken_in_run", Refusal::BranchInside);
}

TEST_CASE("what depends on its address or moves the stack is not moved") {
  check_refused("rip_relative_neighbour", Refusal::NotMovable);
  check_refused("stack_neighbour", Refusal::NotMovable);
  check_refused("call_neighbour", Refusal::NotMovable);
  check_run("rip_relative_before", 0, 3, 5, -1);
  check_refused("prefixed", Refusal::Undecodable);
}

TEST_CASE("padding that nothing enters takes the jump of a site without neighbours") {
  const Site site = site_of("island_behind");
  REQUIRE(site.refusal == Refusal::None);
  CHECK(site.record.island == 7);
  CHECK(site.record.number == sp::shim::kNumberUnknown);
  CHECK(!site.is_stray());
  check_refused("island_entered", Refusal::NotMovable);
}

TEST_CASE("what is left when all is patched is stray") {
  CHECK(site_of("mov_immediate_entered_at_syscall").is_stray());
  CHECK(site_of("legacy_call").is_stray());
  CHECK(site_of("stack_neighbour").is_stray());
  CHECK(!site_of("mov_immediate").is_stray());
  CHECK(!site_of("restorer").is_stray());
}

TEST_CASE("flags that live across the call refuse it") {
  check_refused("flags_read_after", Refusal::FlagsLive);
  check_refused("flags_read_far_after", Refusal::FlagsLive);
  check_run("flags_set_again", 5, 0, 5, 39);
}

TEST_CASE("the bytes of a syscall inside another instruction are no site") {
  CHECK(sites_of("data_bytes").empty());
  check_run("data_bytes_and_site", 5, 0, 5, 39);
}

TEST_CASE("runs do not overlap") {
  const auto sites = sites_of("two_in_a_row");
  REQUIRE(sites.size() == 2);
  check_promises(cases(), find_sites(cases()));
}

TEST_CASE("a record that ends in mid-flow is continued, a signal return left alone") {
  check_run("broken_record", 5, 0, 5, 39);
  check_refused("restorer", Refusal::SignalReturn);
}

TEST_CASE("nearly all of the real libc and loader can be patched") {
  const auto libc = read_elf(loaded_file("libc.so.6"));
  REQUIRE(libc.has_value());
  const auto sites = find_sites(*libc);
  check_promises(*libc, sites);
  CHECK(libc->soname == "libc.so.6");
  CHECK(libc->build_id.size() == 20);
  uint32_t patchable = 0, known = 0, immediate = 0;
  std::map<std::string, Site> by_name;
  for (const auto& site : sites) {
    by_name.emplace(libc->name_at(site.syscall_address).substr(0, libc->name_at(site.syscall_address).find('+')), site);
    if (site.refusal != Refusal::None) continue;
    patchable++;
    known += site.record.number >= 0;
    immediate += site.record.before == 5 && site.record.number >= 0;
  }
  CHECK(patchable >= 500);
  CHECK(patchable + 3 >= sites.size());
  CHECK(known + 10 >= patchable);
  CHECK(immediate >= 430);
  const std::map<std::string, int> wanted{{"read", 0},    {"write", 1},     {"openat", 257}, {"openat64", 257},
                                          {"mmap", 9},    {"clone", 56},    {"syscall", -1}, {"pthread_cond_wait", 202},
                                          {"munmap", 11}, {"futimens", 280}};
  for (const auto& [name, number] : wanted) {
    auto found = by_name.find(name);
    if (found == by_name.end()) found = by_name.find("__" + name);
    if (found == by_name.end()) continue; // another alias of the same address
    INFO(name);
    CHECK(found->second.refusal == Refusal::None);
    CHECK(found->second.record.number == number);
  }
  CHECK(by_name.contains("syscall"));

  const auto loader = read_elf(loaded_file("ld-linux"));
  REQUIRE(loader.has_value());
  const auto loader_sites = find_sites(*loader);
  check_promises(*loader, loader_sites);
  uint32_t refused = 0;
  for (const auto& site : loader_sites) refused += site.refusal != Refusal::None;
  CHECK(loader_sites.size() >= 30);
  CHECK(refused <= 2);
}

TEST_CASE("the tables of the build are those of the libraries that run") {
  const auto tables = sp::shim::site_tables();
  REQUIRE(tables.size() >= 2);
  CHECK(std::string(tables[0].soname) == "libc.so.6");
  const auto libc = read_elf(loaded_file("libc.so.6")).value();
  REQUIRE(tables[0].build_id_bytes == libc.build_id.size());
  CHECK(std::memcmp(tables[0].build_id, libc.build_id.data(), libc.build_id.size()) == 0);
  CHECK(tables[0].count >= 500);
  for (uint32_t i = 1; i < tables[0].count; i++)
    CHECK(tables[0].sites[i].address >= tables[0].sites[i - 1].address + tables[0].sites[i - 1].length);
}

TEST_CASE("files that are none are named, not read") {
  CHECK(read_elf("/nonexistent").error().starts_with("cannot be read"));
  CHECK(read_elf("/proc/self/cmdline").error() == "not an ELF file");
  // Cut and damaged copies of a real file give an error or fewer sites, never a fault.
  std::ifstream stream(SP_SITE_CASES, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(stream), {}};
  const std::string path = std::string(SP_SITE_CASES) + ".damaged." + std::to_string(getpid());
  auto try_text = [&path](const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    if (const auto image = read_elf(path)) check_promises(*image, find_sites(*image));
  };
  for (size_t bytes = 0; bytes < whole.size(); bytes += 97) try_text(whole.substr(0, bytes));
  uint32_t random = 12345;
  for (int round = 0; round < 400; round++) {
    std::string text = whole;
    for (int change = 0; change < 8; change++) {
      random = random * 1664525 + 1013904223;
      text[(random >> 8) % text.size()] = static_cast<char>(random >> 24);
    }
    try_text(text);
  }
  std::filesystem::remove(path);
}
