// SPDX-License-Identifier: Apache-2.0
// Tables and lists of mappings.
#include <doctest/doctest.h>

#include "libsuperproc/wire/address_map.hpp"
#include "spctl/mapping_list.hpp"
#include "spctl/table.hpp"

using namespace sp;
using namespace sp::spctl;

TEST_CASE("columns are aligned and nothing trails") {
  Table table({{"PID", Align::right}, {"NAME"}, {"WHAT"}});
  table.row({"7", "a", "first"});
  table.row({"12345", "longer", ""}, Colour::bad);
  CHECK(table.text(false) == "  PID  NAME    WHAT\n    7  a       first\n12345  longer\n");
  CHECK(table.text(true).find("\033[31m12345\033[0m") != std::string::npos);
  CHECK(table.text(true).find("\033[31m    7") == std::string::npos);
}

TEST_CASE("a table without titles has no line for them") {
  Table table({{""}, {""}});
  table.row({"a"});
  CHECK(table.text(false) == "a\n");
}

TEST_CASE("characters count, not bytes") {
  Table table({{""}, {""}});
  table.row({"größe", "x"});
  table.row({"width", "x"});
  CHECK(table.text(false) == "größe  x\nwidth  x\n");
}

TEST_CASE("sizes for people") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(1536) == "1.5 KiB");
  CHECK(bytes_text(512ull << 20) == "512 MiB");
  CHECK(bytes_text(4ull << 40) == "4 TiB");
}

TEST_CASE("a line of /proc/PID/maps") {
  const auto mapping = parse_mapping("7f0012345000-7f0012346000 rw-p 00001000 fe:01 4242   /usr/lib/a b.so");
  REQUIRE(mapping);
  CHECK(mapping->start == 0x7f0012345000);
  CHECK(mapping->end == 0x7f0012346000);
  CHECK(mapping->permissions == "rw-p");
  CHECK(mapping->offset == 0x1000);
  CHECK(mapping->name == "/usr/lib/a b.so");
  CHECK(parse_mapping("1000-2000 ---p 00000000 00:00 0 ")->name.empty());
  for (const char* wrong : {"", "x", "1000", "1000-", "1000-2000", "1000-2000 rw", "2000-1000 rw-p 0 0 0",
                            "1000-2000 rw-p zz 00:00 0", "fffffffffffffffff-1 rw-p 0 0 0"})
    CHECK_MESSAGE(!parse_mapping(wrong), wrong);
}

TEST_CASE("an address tells its region") {
  CHECK(region_name(wire::kControlBase) == "control");
  CHECK(region_name(wire::kNodeBase + 4096) == "node");
  CHECK(region_name(wire::kArenaBase) == "arena 0");
  CHECK(region_name(wire::arena_start({15}) + 1) == "arena 15");
  CHECK(region_name(wire::file_start({3})) == "files 3");
  CHECK(region_name(wire::kSourceBase) == "sources");
  CHECK(region_name(wire::kSourceEnd) == "image");
  CHECK(region_name(0x400000) == "image");
}
