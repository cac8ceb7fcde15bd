// SPDX-License-Identifier: Apache-2.0
// See trace_reader.hpp.
#include "spctl/trace_reader.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/core.h>
#include <memory>

namespace sp::spctl {
namespace {

constexpr uint64_t kUserSpaceEnd = 1ull << 47;

template <class T>
std::unique_ptr<T> copy_of(std::span<const std::byte> bytes) {
  auto copy = std::make_unique<T>();
  std::memcpy(static_cast<void*>(copy.get()), bytes.data(), sizeof(T));
  return copy;
}

bool take_texts(const wire::TraceEvent& event, std::vector<TracedText>& texts) {
  if (event.piece_count > wire::kTracePieceCount) return false;
  size_t used = 0;
  for (uint32_t i = 0; i < event.piece_count; ++i) {
    const wire::TracePiece& piece = event.pieces[i];
    if (piece.argument >= std::size(event.arguments) || piece.bytes > wire::kTraceTextBytes - used) return false;
    texts.push_back({piece.argument, piece.whole != 0, std::string(event.text + used, piece.bytes)});
    used += piece.bytes;
  }
  return true;
}

} // namespace

const TracedText* TracedCall::text_of(uint32_t argument) const {
  const auto found =
      std::find_if(texts.begin(), texts.end(), [&](const TracedText& text) { return text.argument == argument; });
  return found != texts.end() ? &*found : nullptr;
}

tl::expected<TraceView, ReadError> parse_trace(std::span<const std::byte> header) {
  const auto unreadable = [](std::string why) { return tl::unexpected<ReadError>(std::move(why)); };
  if (header.size() < sizeof(wire::TraceHeader)) return unreadable("its memory is gone");
  const auto copy = copy_of<wire::TraceHeader>(header);
  if (copy->magic != wire::kTraceMagic) return unreadable("it cannot be traced, or has not begun");
  if (copy->version != wire::kTraceVersion || copy->bytes != sizeof(wire::TraceHeader))
    return unreadable("its calls are traced in another way; use the spctl of the same build");
  if (copy->interest == 0 || copy->interest >= kUserSpaceEnd || copy->interest % sizeof(uint32_t) != 0)
    return unreadable("its table of calls is damaged");
  return TraceView{copy->interest, copy->written.load(), copy->read.load(), copy->tracer.load()};
}

Slot parse_event(std::span<const std::byte> slot, uint64_t ticket, TracedCall& call) {
  if (slot.size() < sizeof(wire::TraceEvent)) return Slot::unfinished;
  const auto event = copy_of<wire::TraceEvent>(slot);
  const uint64_t sequence = event->sequence.load();
  if (sequence > ticket + 1) return Slot::overwritten;
  if (sequence != ticket + 1) return Slot::unfinished;
  call = {event->began,
          std::max(event->began, event->ended),
          event->result,
          {},
          event->tid,
          event->number,
          event->node,
          (event->flags & wire::kTraceBegun) != 0,
          (event->flags & wire::kTraceTrapped) != 0,
          (event->flags & wire::kTraceByShadow) != 0,
          {}};
  std::copy(std::begin(event->arguments), std::end(event->arguments), call.arguments.begin());
  const bool possible = call.tid > 0 && call.number < wire::kSyscallCountMax && call.node < kNodeCountMax;
  return possible && take_texts(*event, call.texts) ? Slot::whole : Slot::damaged;
}

} // namespace sp::spctl
