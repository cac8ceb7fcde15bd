// SPDX-License-Identifier: Apache-2.0
// The ring of a traced SubProcess as seen from outside (wire/trace.hpp). Another process writes it, perhaps while we read,
// perhaps a hostile one: bytes are copied, then checked, and only plain values leave this file.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "libsuperproc/wire/trace.hpp"
#include "spctl/control_reader.hpp"

namespace sp::spctl {

struct TraceView {
  uint64_t interest; // address there
  uint64_t written, read;
  int32_t tracer;
};

struct TracedText {
  uint32_t argument;
  bool whole;
  std::string bytes;
};

struct TracedCall {
  uint64_t began, ended; // time stamp counter
  int64_t result;
  std::array<uint64_t, 6> arguments;
  int32_t tid;
  uint32_t number, node;
  bool begun, trapped, by_shadow; // TraceFlag
  std::vector<TracedText> texts;

  const TracedText* text_of(uint32_t argument) const;
};

tl::expected<TraceView, ReadError> parse_trace(std::span<const std::byte> header);

enum class Slot { whole, unfinished, overwritten, damaged };

// What the slot of this ticket holds.
Slot parse_event(std::span<const std::byte> slot, uint64_t ticket, TracedCall& call);

} // namespace sp::spctl
