// SPDX-License-Identifier: Apache-2.0
// The segment of an isolated cluster read from outside, and the numbers that its processes have there.
#include <doctest/doctest.h>

#include <memory>

#include "spctl/cluster_reader.hpp"
#include "spctl/process_numbers.hpp"

using namespace sp;

namespace {

std::unique_ptr<wire::ClusterHeader> good_header() {
  auto header = std::make_unique<wire::ClusterHeader>();
  header->magic = wire::kClusterMagic;
  header->version = wire::kClusterVersion;
  header->bytes = sizeof(wire::ClusterHeader);
  header->node_count = 2;
  header->moved_high = 3;
  for (int32_t n = 0; n < 2; ++n) {
    header->nodes[n].first_pid = 300 + 1000 * n;
    header->nodes[n].end_pid = 1300 + 1000 * n;
  }
  header->nodes[1].state = wire::SpdState::running;
  header->nodes[1].body_count = 2;
  return header;
}

auto parse(const std::unique_ptr<wire::ClusterHeader>& header) {
  return spctl::parse_cluster(std::as_bytes(std::span(header.get(), 1)));
}

} // namespace

TEST_CASE("a good cluster is understood") {
  const auto view = parse(good_header());
  REQUIRE(view);
  REQUIRE(view->nodes.size() == 2);
  CHECK(view->moved_high == 3);
  CHECK(view->nodes[1].state == wire::SpdState::running);
  CHECK(view->nodes[1].body_count == 2);
  CHECK(view->nodes[1].first_pid == 1300);
}

TEST_CASE("a cluster that cannot be is refused") {
  auto header = good_header();
  header->magic ^= 1;
  CHECK_FALSE(parse(header));
  header = good_header();
  header->version = 77;
  REQUIRE_FALSE(parse(header));
  CHECK(parse(header).error().find("version 77") != std::string::npos);
  for (const uint32_t count : {0u, kNodeCountMax + 1, ~0u}) {
    header = good_header();
    header->node_count = count;
    CHECK_MESSAGE(!parse(header), count, " nodes");
  }
  header = good_header();
  header->nodes[0].end_pid = 5;
  CHECK_FALSE(parse(header));
  CHECK_FALSE(spctl::parse_cluster({}));
}

TEST_CASE("a cluster's counts are bounded") {
  auto header = good_header();
  header->moved_high = ~0u;
  header->nodes[0].body_count = ~0u; // one less than none, for a moment
  header->nodes[1].body_count = 1000000;
  const auto view = parse(header);
  REQUIRE(view);
  CHECK(view->moved_high == wire::kMovedCountMax);
  CHECK(view->nodes[0].body_count == 0);
  CHECK(view->nodes[1].body_count == wire::kMovedCountMax);
}

TEST_CASE("records of moved SubProcesses: free and impossible ones are left out") {
  const auto view = parse(good_header());
  REQUIRE(view);
  auto record = std::make_unique<wire::Moved>();
  const auto head = std::as_bytes(std::span(record.get(), 1)).first(spctl::kMovedHeadBytes);
  record->pid = 303, record->shadow_pid = 303, record->body_node = 1;
  for (const auto state : {wire::MovedState::free, wire::MovedState::claimed, wire::MovedState::ended}) {
    record->state = state;
    CHECK_FALSE(spctl::parse_moved(head, *view));
  }
  record->state = wire::MovedState::settled;
  REQUIRE(spctl::parse_moved(head, *view));
  CHECK(spctl::parse_moved(head, *view)->body_node == 1);
  record->body_node = 2;
  CHECK_FALSE(spctl::parse_moved(head, *view));
  CHECK_FALSE(spctl::parse_moved(head.first(8), *view));
}

TEST_CASE("the number that a process has itself") {
  CHECK(spctl::innermost_number("Name:\ta\nNSpid:\t4711\t303\nNSpgid:\t1\n", 5).number == 303);
  CHECK(spctl::innermost_number("Name:\ta\nNSpid:\t4711\t303\n", 5).nested);
  CHECK(spctl::innermost_number("Name:\ta\nNSpid:\t4711\n", 5).number == 4711);
  CHECK_FALSE(spctl::innermost_number("Name:\ta\nNSpid:\t4711\n", 5).nested);
  CHECK(spctl::innermost_number("Name:\ta\n", 5).number == 5);
}
