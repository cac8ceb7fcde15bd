// SPDX-License-Identifier: Apache-2.0
// rooms: spctl
// The ring of a hostile traced SubProcess: bytes as a header, as slots, and as slots whose stamp is in order, printed in
// every form.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "spctl/trace_output.hpp"
#include "spctl/trace_text.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace sp;
using fuzz::insist;

void print(const spctl::TracedCall& call) {
  static FILE* nowhere = std::fopen("/dev/null", "w");
  for (const auto form : {spctl::TraceForm::text, spctl::TraceForm::json, spctl::TraceForm::perfetto}) {
    const auto output = spctl::trace_output(form, nowhere);
    output->begin();
    output->call({1, 2, 3, 4, call});
    output->end();
  }
}

void read(std::span<const std::byte> bytes, uint64_t ticket) {
  spctl::TracedCall call{};
  if (spctl::parse_event(bytes, ticket, call) != spctl::Slot::whole) return;
  insist(call.tid > 0 && call.number < wire::kSyscallCountMax && call.node < kNodeCountMax, "what cannot be");
  insist(call.ended >= call.began, "an end before the beginning");
  for (const auto& text : call.texts)
    insist(text.argument < call.arguments.size() && text.bytes.size() <= wire::kTraceTextBytes, "too much text");
  for (const char c : spctl::call_text(call) + spctl::result_text(call)) insist(c >= ' ' && c <= '~', "not printable");
  print(call);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  if (const auto header = spctl::parse_trace(input); !header)
    insist(!header.error().empty(), "refused without a reason");
  read(input, 0);
  static std::vector<std::byte> slot;
  slot.assign(sizeof(wire::TraceEvent), std::byte{});
  std::copy_n(input.begin(), std::min(size, slot.size()), slot.begin());
  auto& event = *reinterpret_cast<wire::TraceEvent*>(slot.data());
  event.sequence.store(size);
  event.tid = std::max(1, event.tid & 0xffff);
  event.number = static_cast<uint16_t>(event.number % wire::kSyscallCountMax);
  event.node = static_cast<uint8_t>(event.node % kNodeCountMax);
  event.piece_count = event.piece_count % (wire::kTracePieceCount + 1);
  for (auto& piece : event.pieces)
    piece.argument = piece.argument % 7, piece.bytes = static_cast<uint16_t>(piece.bytes % 200);
  if (size > 0) read(slot, size - 1);
  return 0;
}
