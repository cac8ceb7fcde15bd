// SPDX-License-Identifier: Apache-2.0
// The control segment read from outside: what is right is understood, what is wrong is refused with a reason.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "spctl/control_reader.hpp"

using namespace sp;
using spctl::parse_control;

namespace {

std::unique_ptr<wire::SubProcessControl> good_control() {
  auto control = std::make_unique<wire::SubProcessControl>();
  control->magic = wire::kControlMagic;
  control->version = wire::kControlVersion;
  control->bytes = sizeof(wire::SubProcessControl);
  control->state = wire::SubProcessState::shared;
  control->identity.pid = 4711;
  control->identity.superprocess = 4700;
  control->options.node_count = 3;
  control->nodes[2].requests_sent = 12;
  control->nodes[2].cpus.words[1] = 5;
  control->refused_by_number[425] = 2;
  return control;
}

std::span<const std::byte> bytes_of(const std::unique_ptr<wire::SubProcessControl>& control) {
  return std::as_bytes(std::span(control.get(), 1));
}

std::string reason(const std::unique_ptr<wire::SubProcessControl>& control) {
  const auto parsed = parse_control(bytes_of(control));
  return parsed ? std::string() : parsed.error();
}

} // namespace

TEST_CASE("a good segment is understood") {
  const auto control = good_control();
  const auto view = parse_control(bytes_of(control));
  REQUIRE(view);
  CHECK(view->identity.pid == 4711);
  CHECK(view->state == wire::SubProcessState::shared);
  REQUIRE(view->nodes.size() == 3);
  CHECK(view->nodes[2].requests_sent == 12);
  CHECK(view->nodes[2].cpus == std::vector<uint32_t>{64, 66});
  CHECK(view->refused_by_number[425] == 2);
}

TEST_CASE("another version is a clear message with both numbers") {
  auto control = good_control();
  control->version = 77;
  CHECK(reason(control).find("version 77") != std::string::npos);
  CHECK(reason(control).find("version " + std::to_string(wire::kControlVersion)) != std::string::npos);
  CHECK(reason(control).find("same build") != std::string::npos);
}

TEST_CASE("what cannot be is refused") {
  auto control = good_control();
  control->magic ^= 1;
  CHECK_FALSE(reason(control).empty());
  control = good_control();
  control->bytes -= 64;
  CHECK_FALSE(reason(control).empty());
  for (const uint32_t count : {0u, kNodeCountMax + 1, ~0u}) {
    control = good_control();
    control->options.node_count = count;
    CHECK_MESSAGE(!reason(control).empty(), count, " nodes");
  }
  control = good_control();
  control->identity.home_node = 3;
  CHECK_FALSE(reason(control).empty());
  control = good_control();
  control->identity.pid = -1;
  CHECK_FALSE(reason(control).empty());
}

TEST_CASE("counts are bounded before anybody uses them as sizes") {
  auto control = good_control();
  control->thread_high = ~0u;
  control->thread_count = ~0u;
  const auto view = parse_control(bytes_of(control));
  REQUIRE(view);
  CHECK(view->thread_high == wire::kThreadCountMax);
  CHECK(view->thread_count == wire::kThreadCountMax);
}

TEST_CASE("a segment that is cut off is refused at every length") {
  const auto control = good_control();
  const auto whole = bytes_of(control);
  CHECK_FALSE(parse_control({}));
  for (const size_t bytes : {size_t{1}, size_t{15}, size_t{16}, size_t{100}, spctl::kControlHeadBytes - 1}) {
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes));
    CHECK_MESSAGE(!parse_control(cut), bytes, " bytes");
  }
  CHECK(parse_control(whole.first(spctl::kControlHeadBytes)));
}

TEST_CASE("a segment need not be aligned") {
  const auto control = good_control();
  std::vector<std::byte> moved(1);
  const auto whole = bytes_of(control);
  moved.insert(moved.end(), whole.begin(), whole.end());
  CHECK(parse_control(std::span(moved).subspan(1)));
}

TEST_CASE("unknown states have a name") {
  auto control = good_control();
  control->state = static_cast<wire::SubProcessState>(99);
  control->nodes[0].state = static_cast<wire::NodeState>(99);
  const auto view = parse_control(bytes_of(control));
  REQUIRE(view);
  CHECK(std::string(spctl::state_name(view->state)) == "unknown");
  CHECK(std::string(spctl::state_name(view->nodes[0].state)) == "unknown");
}

TEST_CASE("thread records: free and impossible ones are left out") {
  std::vector<wire::ThreadRecord> records(4);
  records[1].state = wire::ThreadState::running;
  records[1].tid = 5;
  records[1].node = 1;
  records[2].state = wire::ThreadState::running;
  records[2].tid = 6;
  records[2].node = 200;
  records[3].state = static_cast<wire::ThreadState>(50);
  records[3].tid = 7;
  const auto threads = spctl::parse_threads(std::as_bytes(std::span(records)));
  REQUIRE(threads.size() == 2);
  CHECK(threads[0].tid == 5);
  CHECK(threads[1].tid == 7);
  CHECK(spctl::parse_threads(std::as_bytes(std::span(records)).first(sizeof(wire::ThreadRecord) - 1)).empty());
}

TEST_CASE("lists of CPUs") {
  CHECK(spctl::cpu_list({}) == "-");
  CHECK(spctl::cpu_list({3}) == "3");
  CHECK(spctl::cpu_list({0, 1, 2, 8, 10, 11}) == "0-2,8,10-11");
}
