// SPDX-License-Identifier: Apache-2.0
// The event log of this user's isolated clusters: made, opened for writing, and read from outside (wire/event_log.hpp).
// What is read was written by others: bytes are copied, then checked.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libsuperproc/wire/event_log.hpp"

namespace sp::spctl {

std::string event_log_path();

// Opens it for log_event(), made anew where there is none that can be understood.
void open_event_log();

bool is_readable_event_log();

struct EventView {
  uint64_t ticket;
  int64_t time_ns;
  int32_t cluster;
  uint32_t node;    // kNoNode: the parent
  std::string text; // printable
};

std::optional<uint64_t> parse_event_log(std::span<const std::byte> header); // how many were written
std::optional<EventView> parse_logged(std::span<const std::byte> slot, uint64_t ticket);

// Those from `ticket` on that are there yet, the oldest first.
std::vector<EventView> read_events(uint64_t ticket);

} // namespace sp::spctl
