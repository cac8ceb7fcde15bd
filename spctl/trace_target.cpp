// SPDX-License-Identifier: Apache-2.0
// See trace_target.hpp.
#include "spctl/trace_target.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>
#include <utility>

#include "libsuperproc/base/sys.hpp"
#include "spctl/message.hpp"

namespace sp::spctl {
namespace {

constexpr uint64_t kChunk = 128;   // events read at a time
constexpr uint32_t kWaitsMax = 40; // for an event that is begun; then its thread has been killed
constexpr uint64_t kInterestBytes = 4, kTracedOffset = 1;

int open_memory(int32_t pid) { return ::open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDWR | O_CLOEXEC); }

} // namespace

tl::expected<TraceTarget, ReadError> TraceTarget::open(int32_t pid) {
  const int memory = open_memory(pid);
  if (memory < 0) return tl::unexpected<ReadError>(errno_text(errno));
  TraceTarget target(pid, memory);
  std::vector<std::byte> header(sizeof(wire::TraceHeader));
  if (!target.read(wire::kTraceTable, header.data(), header.size())) header.clear();
  const auto view = parse_trace(header);
  if (!view) return tl::unexpected<ReadError>(view.error());
  target.view_ = *view;
  return target;
}

TraceTarget::TraceTarget(TraceTarget&& other) noexcept
    : pid_(other.pid_), memory_(std::exchange(other.memory_, -1)), view_(other.view_), next_(other.next_),
      lost_(other.lost_), waits_(other.waits_) {}

TraceTarget::~TraceTarget() {
  if (memory_ >= 0) close(memory_);
}

bool TraceTarget::read(uint64_t address, void* to, size_t bytes) const {
  return pread(memory_, to, bytes, static_cast<off_t>(address)) == static_cast<ssize_t>(bytes);
}

bool TraceTarget::write(uint64_t address, const void* from, size_t bytes) const {
  return pwrite(memory_, from, bytes, static_cast<off_t>(address)) == static_cast<ssize_t>(bytes);
}

bool TraceTarget::read_header() {
  std::vector<std::byte> header(sizeof(wire::TraceHeader));
  if (!read(wire::kTraceTable, header.data(), header.size())) return false;
  const auto view = parse_trace(header);
  if (view) view_ = *view;
  return view.has_value();
}

// A byte of ours for each call, so that the SubProcess's own beside it are left alone.
void TraceTarget::write_interest(uint8_t traced) const {
  for (uint64_t n = 0; n < wire::kSyscallCountMax; ++n)
    if (!write(view_.interest + n * kInterestBytes + kTracedOffset, &traced, sizeof traced)) return;
}

void TraceTarget::report() const {
  const uint64_t words[2] = {next_, sys::cycles()};
  static_assert(offsetof(wire::TraceHeader, heard) == offsetof(wire::TraceHeader, read) + sizeof(uint64_t));
  write(wire::kTraceTable + offsetof(wire::TraceHeader, read), words, sizeof words);
}

bool TraceTarget::switch_on(int32_t tracer, Follow follow) {
  next_ = view_.written;
  report();
  const uint32_t words[2] = {static_cast<uint32_t>(tracer), static_cast<uint32_t>(follow)};
  static_assert(offsetof(wire::TraceHeader, follow) == offsetof(wire::TraceHeader, tracer) + sizeof(uint32_t));
  if (!write(wire::kTraceTable + offsetof(wire::TraceHeader, tracer), words, sizeof words)) return false;
  write_interest(1);
  return true;
}

void TraceTarget::switch_off() {
  write_interest(0);
  const int32_t nobody = 0;
  write(wire::kTraceTable + offsetof(wire::TraceHeader, tracer), &nobody, sizeof nobody);
}

bool TraceTarget::look_at(const std::byte* slot, std::vector<TracedCall>& calls) {
  TracedCall call{};
  switch (parse_event({slot, sizeof(wire::TraceEvent)}, next_, call)) {
    case Slot::whole: calls.push_back(std::move(call)); break;
    case Slot::unfinished:
      if (++waits_ <= kWaitsMax) return false;
      [[fallthrough]];
    default: ++lost_;
  }
  waits_ = 0;
  ++next_;
  return true;
}

TraceTarget::State TraceTarget::take(std::vector<TracedCall>& calls) {
  if (!read_header()) { // the program has ended; perhaps there is another
    const int memory = open_memory(pid_);
    if (memory < 0) return State::ended;
    close(std::exchange(memory_, memory));
    next_ = 0;
    if (!read_header()) return State::goes_on; // it has not begun, or is not ours any more: see the caller
  }
  if (view_.written < next_) next_ = 0; // a child's new ring
  std::vector<std::byte> slots;
  while (next_ < view_.written) {
    if (view_.written - next_ > wire::kTraceEventCount) {
      lost_ += view_.written - next_ - wire::kTraceEventCount;
      next_ = view_.written - wire::kTraceEventCount;
    }
    const uint64_t index = next_ % wire::kTraceEventCount;
    const uint64_t count = std::min({view_.written - next_, kChunk, wire::kTraceEventCount - index});
    slots.resize(count * sizeof(wire::TraceEvent));
    if (!read(wire::kTraceEvents + index * sizeof(wire::TraceEvent), slots.data(), slots.size())) break;
    const size_t before = calls.size();
    const uint64_t first = next_;
    bool whole = true;
    for (uint64_t n = 0; n < count && whole; ++n) whole = look_at(slots.data() + n * sizeof(wire::TraceEvent), calls);
    if (!read_header()) break;
    if (view_.written > first + wire::kTraceEventCount) { // they may have been written over while we read
      lost_ += calls.size() - before;
      calls.resize(before);
    }
    if (!whole) break;
  }
  report();
  return State::goes_on;
}

} // namespace sp::spctl
