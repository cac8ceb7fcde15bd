// SPDX-License-Identifier: Apache-2.0
// What /proc says about descriptors and sockets, and what it might say.
#include <doctest/doctest.h>

#include "spctl/cluster_reader.hpp"
#include "spctl/descriptor_list.hpp"
#include "spctl/socket_table.hpp"

using namespace sp::spctl;

TEST_CASE("fdinfo") {
  const DescriptorFacts facts = parse_fdinfo("pos:\t4711\nflags:\t02100002\nmnt_id:\t15\nino:\t3\n");
  CHECK(facts.position == 4711);
  CHECK(open_flags_text(facts.flags) == "O_RDWR|O_CLOEXEC");
  CHECK(parse_fdinfo("").position == 0);
  CHECK(parse_fdinfo("pos:\nflags:x\n").flags == 0);
  CHECK(open_flags_text(0) == "O_RDONLY");
  CHECK(open_flags_text(02001) == "O_WRONLY|O_APPEND");
  CHECK(open_flags_text(0200040000) == "O_RDONLY|O_DIRECT|0200000000");
}

TEST_CASE("sockets") {
  const auto tcp =
      parse_socket("tcp", "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000"
                          "        0 4711 1 0000000000000000 100 0 0 10 0");
  REQUIRE(tcp);
  CHECK(tcp->inode == 4711);
  CHECK(tcp->line.text == "127.0.0.1:8080 listens");
  const auto six = parse_socket("tcp6", "   0: 00000000000000000000000001000000:0050 "
                                        "00000000000000000000000001000000:1F90 01 0:0 00:0 0 0 0 12 1");
  REQUIRE(six);
  CHECK(six->line.text == "[::1]:80 -> [::1]:8080");
  const auto local = parse_socket("unix", "0000000000000000: 00000002 00000000 00010000 0001 01 28745 /run/a b");
  REQUIRE(local);
  CHECK(local->inode == 28745);
  CHECK(local->line.text == "stream /run/a b listens");
  CHECK(parse_socket("unix", "0000000000000000: 00000003 00000000 00000000 0002 03 9")->line.text == "datagram");
  for (const char* odd : {"", "sl  local_address rem_address", "0: 0100007F:1F90", "0: 0:0 0:0 0A 0 0 0 0 0 7",
                          "0: 0100007F1F90 00000000:0000 0A 0 0 0 0 0 7"})
    CHECK(!parse_socket("tcp", odd));
  for (const char* odd : {"", "Num       RefCount Protocol Flags    Type St Inode Path", "0: 2 0 x 1 1 7"})
    CHECK(!parse_socket("unix", odd));
}

TEST_CASE("the shadow's numbers") {
  std::vector<std::byte> bytes(10'000, std::byte{});
  bytes[2] = std::byte{0x81};
  bytes[7] = std::byte{0x01}; // not open
  bytes[9000] = std::byte{0x80};
  CHECK(parse_descriptors(bytes) == std::vector<int32_t>{2});
  CHECK(parse_descriptors({}).empty());
}
