// SPDX-License-Identifier: Apache-2.0
// The table of system calls against the machine's headers, against what real programs call, and against itself.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "libsuperproc/syscalls/table.hpp"

using sp::find_syscall;
using sp::Level;
using sp::Route;

namespace {

struct HeaderRow {
  const char* name;
  long number;
};
constexpr HeaderRow kHeaderRows[] = {
#include "unistd_rows.inc"
};

} // namespace

TEST_CASE("each call of <asm/unistd_64.h> has a row with its number") {
  REQUIRE(std::size(kHeaderRows) > 350); // Linux 5.10 had 352; fewer means that the list was not made
  for (const auto& header : kHeaderRows) {
    CAPTURE(header.name);
    CAPTURE(header.number);
    const auto* row = find_syscall(header.number);
    REQUIRE(row != nullptr);
    CHECK(std::string(row->name) == header.name);
  }
}

TEST_CASE("a row that the headers do not have is newer than they are") {
  std::map<std::string, long> known;
  long newest = 0;
  for (const auto& header : kHeaderRows) {
    known[header.name] = header.number;
    newest = std::max(newest, header.number);
  }
  for (const auto& row : sp::syscall_rows()) {
    CAPTURE(row.name);
    if (known.contains(row.name)) continue;
    CHECK((row.number > newest || row.number == 335 || row.number == 336)); // x86's own, given late
  }
}

TEST_CASE("Linux 6.18 is complete") {
  CHECK(sp::syscall_rows().size() == 383);
  for (long number = 0; number <= 336; number++) CHECK(find_syscall(number) != nullptr);
  for (long number = 337; number <= 423; number++) CHECK(find_syscall(number) == nullptr);
  for (long number = 424; number <= 469; number++) CHECK(find_syscall(number) != nullptr);
}

TEST_CASE("look-up by number and by name agree") {
  for (const auto& row : sp::syscall_rows()) {
    CHECK(find_syscall(static_cast<long>(row.number)) == &row);
    CHECK(find_syscall(std::string_view(row.name)) == &row);
  }
  for (long number : {-1L, 470L, 511L, 512L, 1L << 16, 0x40000000L, 0x7fffffffffffffffL, -0x7fffffffffffffffL - 1})
    CHECK(find_syscall(number) == nullptr);
  for (std::string_view name : {"", "rea", "readd", "READ", " read"}) CHECK(find_syscall(name) == nullptr);
  CHECK(find_syscall(std::string_view("readv", 4))->number == 0); // the view ends, not the text
}

TEST_CASE("what real programs call is let through, or the row says why not") {
  std::ifstream used(SP_USED_CALLS);
  REQUIRE(used);
  int call_count = 0;
  for (std::string line; std::getline(used, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    std::string name;
    long programs = 0, calls = 0;
    fields >> name >> programs >> calls;
    REQUIRE_FALSE(fields.fail());
    CAPTURE(name);
    const auto* row = find_syscall(std::string_view(name));
    REQUIRE(row != nullptr);
    CHECK((row->level != Level::refused || row->note[0] != '\0'));
    call_count++;
  }
  CHECK(call_count == 157);
}

TEST_CASE("calls that bypass interposition are refused so that libraries fall back") {
  for (std::string_view name : {"io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup", "io_submit",
                                "io_getevents", "io_pgetevents", "userfaultfd"}) {
    const auto* row = find_syscall(name);
    REQUIRE(row != nullptr);
    CHECK(row->route == Route::refused);
    CHECK(row->error == ENOSYS);
  }
}

TEST_CASE("the names of routes, levels and families are those of the list") {
  CHECK(std::string(sp::route_name(Route::owner)) == "owner");
  CHECK(std::string(sp::level_name(Level::forwarded)) == "forwarded");
  CHECK(std::string(sp::family_name(sp::Family::scheduling)) == "scheduling");
  for (uint32_t i = 0; i < sp::kRouteCount; i++) CHECK(sp::route_name(static_cast<Route>(i))[0] != '?');
  for (uint32_t i = 0; i < sp::kLevelCount; i++) CHECK(sp::level_name(static_cast<Level>(i))[0] != '?');
  for (uint32_t i = 0; i < sp::kFamilyCount; i++) CHECK(sp::family_name(static_cast<sp::Family>(i))[0] != '?');
  CHECK(sp::route_name(static_cast<Route>(sp::kRouteCount))[0] == '?');
  CHECK(sp::level_name(static_cast<Level>(sp::kLevelCount))[0] == '?');
  CHECK(sp::family_name(static_cast<sp::Family>(sp::kFamilyCount))[0] == '?');
}

TEST_CASE("each family has a row") {
  for (uint32_t i = 0; i < sp::kFamilyCount; i++) {
    bool found = false;
    for (const auto& row : sp::syscall_rows()) found = found || row.family == static_cast<sp::Family>(i);
    CHECK(found);
  }
}
