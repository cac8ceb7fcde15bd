// SPDX-License-Identifier: Apache-2.0
// What is read from the event log of isolated clusters.
#include <cstring>
#include <doctest/doctest.h>
#include <memory>

#include "libsuperproc/wire/cluster.hpp"
#include "spctl/event_log.hpp"

using namespace sp;
using namespace sp::spctl;

namespace {

template <class T>
std::span<const std::byte> bytes_of(const T& object) {
  return std::as_bytes(std::span(&object, 1));
}

} // namespace

TEST_CASE("a line") {
  auto event = std::make_unique<wire::LoggedEvent>();
  event->sequence.store(5);
  event->cluster = 100;
  event->node = 1;
  event->text_bytes = 4;
  std::memcpy(event->text, "a\nbc", 4);
  const auto seen = parse_logged(bytes_of(*event), 4);
  REQUIRE(seen);
  CHECK(seen->text == "a?bc");
  CHECK(seen->cluster == 100);
  CHECK(!parse_logged(bytes_of(*event), 5));
  CHECK(!parse_logged(bytes_of(*event).first(40), 4));
  event->text_bytes = wire::kEventTextBytes + 1;
  CHECK(!parse_logged(bytes_of(*event), 4));
  event->text_bytes = 0;
  event->node = kNodeCountMax;
  CHECK(!parse_logged(bytes_of(*event), 4));
  event->node = wire::kNoNode;
  CHECK(parse_logged(bytes_of(*event), 4));
}

TEST_CASE("its header") {
  auto header = std::make_unique<wire::EventLogHeader>();
  CHECK(!parse_event_log(bytes_of(*header)));
  header->magic = wire::kEventLogMagic;
  header->version = wire::kEventLogVersion;
  header->bytes = sizeof *header;
  header->written.store(7);
  CHECK(parse_event_log(bytes_of(*header)) == 7);
  CHECK(!parse_event_log(bytes_of(*header).first(30)));
  header->version = 9;
  CHECK(!parse_event_log(bytes_of(*header)));
}
