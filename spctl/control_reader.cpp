// SPDX-License-Identifier: Apache-2.0
// See control_reader.hpp.
#include "spctl/control_reader.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/core.h>
#include <memory>

#include "libsuperproc/base/ids.hpp"

namespace sp::spctl {
namespace {

using wire::SubProcessControl;

std::vector<uint32_t> cpus_of(const wire::CpuMask& mask) {
  std::vector<uint32_t> cpus;
  for (uint32_t word = 0; word < wire::kCpuWordCount; ++word)
    for (uint32_t bit = 0; bit < 64; ++bit)
      if ((mask.words[word] >> bit & 1) != 0) cpus.push_back(word * 64 + bit);
  return cpus;
}

// A text for people out of bytes of unknown origin: printable ASCII, the rest as '?'.
std::string printable(const char* bytes, size_t count_max) {
  std::string text(bytes, strnlen(bytes, count_max));
  for (char& c : text)
    if (c < 0x20 || c > 0x7e) c = '?';
  return text;
}

NodeView view_of(const wire::NodeRecord& record, uint32_t index) {
  NodeView view{};
  view.index = index;
  view.state = record.state.load(std::memory_order_relaxed);
  view.host_pid = record.host_pid.load(std::memory_order_relaxed);
  view.agent_tid = record.agent_tid.load(std::memory_order_relaxed);
  view.thread_count = std::min(record.thread_count.load(std::memory_order_relaxed), wire::kThreadCountMax);
  view.thread_started_count = record.thread_started_count.load(std::memory_order_relaxed);
  view.cpus = cpus_of(record.cpus);
  view.requests_served = record.requests_served.load(std::memory_order_relaxed);
  view.requests_sent = record.requests_sent.load(std::memory_order_relaxed);
  view.dispatched = record.dispatched.load(std::memory_order_relaxed);
  view.trapped = record.trapped.load(std::memory_order_relaxed);
  view.signals_forwarded = record.signals_forwarded.load(std::memory_order_relaxed);
  view.forks = record.forks.load(std::memory_order_relaxed);
  view.execs = record.execs.load(std::memory_order_relaxed);
  view.pipe_transfers = record.pipe_transfers.load(std::memory_order_relaxed);
  view.pipe_bytes = record.pipe_bytes.load(std::memory_order_relaxed);
  view.doorbells = record.doorbells.load(std::memory_order_relaxed);
  return view;
}

void copy_counts(std::array<uint32_t, wire::kSyscallCountMax>& into,
                 const std::atomic<uint32_t> (&from)[wire::kSyscallCountMax]) {
  for (uint32_t i = 0; i < wire::kSyscallCountMax; ++i) into[i] = from[i].load(std::memory_order_relaxed);
}

} // namespace

const char* state_name(wire::SubProcessState state) {
  switch (state) {
    case wire::SubProcessState::native: return "native";
    case wire::SubProcessState::converting: return "converting";
    case wire::SubProcessState::shared: return "shared";
    case wire::SubProcessState::dying: return "dying";
  }
  return "unknown";
}

const char* state_name(wire::NodeState state) {
  switch (state) {
    case wire::NodeState::absent: return "absent";
    case wire::NodeState::starting: return "starting";
    case wire::NodeState::running: return "running";
    case wire::NodeState::dead: return "dead";
  }
  return "unknown";
}

const char* state_name(wire::ThreadState state) {
  switch (state) {
    case wire::ThreadState::free: return "free";
    case wire::ThreadState::starting: return "starting";
    case wire::ThreadState::running: return "running";
    case wire::ThreadState::exiting: return "exiting";
  }
  return "unknown";
}

const char* dispatch_name(wire::Dispatch dispatch) {
  switch (dispatch) {
    case wire::Dispatch::armed: return "armed";
    case wire::Dispatch::sealed: return "sealed";
  }
  return "unknown";
}

tl::expected<ControlView, ReadError> parse_control(std::span<const std::byte> bytes) {
  const auto unreadable = [](std::string why) { return tl::unexpected<ReadError>(std::move(why)); };
  constexpr size_t kStampBytes = offsetof(SubProcessControl, state);
  struct Stamp {
    uint64_t magic;
    uint32_t version;
    uint32_t bytes;
  } stamp;
  static_assert(sizeof stamp == kStampBytes);
  if (bytes.size() < sizeof stamp) return unreadable("the control segment is cut off");
  std::memcpy(&stamp, bytes.data(), sizeof stamp);
  if (stamp.magic != wire::kControlMagic) return unreadable("no control segment of superproc");
  if (stamp.version != wire::kControlVersion)
    return unreadable(fmt::format("its control segment is of version {}, this spctl reads version {}; use the spctl of "
                                  "the same build",
                                  stamp.version, wire::kControlVersion));
  if (stamp.bytes != sizeof(SubProcessControl))
    return unreadable(fmt::format("its control segment has {} bytes, this spctl expects {}; use the spctl of the same "
                                  "build",
                                  stamp.bytes, sizeof(SubProcessControl)));
  if (bytes.size() < kControlHeadBytes) return unreadable("the control segment is cut off");

  const auto storage = std::make_unique<SubProcessControl>(); // aligned as the type wants; thread records stay empty
  SubProcessControl& control = *storage;
  std::memcpy(static_cast<void*>(&control), bytes.data(), kControlHeadBytes);
  if (control.options.node_count < 1 || control.options.node_count > kNodeCountMax)
    return unreadable(fmt::format("its control segment names {} nodes; it is damaged", control.options.node_count));
  if (control.identity.pid <= 0) return unreadable("its control segment names no process; it is damaged");
  if (control.identity.home_node >= control.options.node_count)
    return unreadable("its control segment names a home node that does not exist; it is damaged");

  ControlView view{};
  view.state = control.state.load(std::memory_order_relaxed);
  view.identity = control.identity;
  view.placement = control.options.placement;
  view.node_count = control.options.node_count;
  view.cores_per_node = control.options.cores_per_node;
  view.option_flags = control.options.flags;
  view.thread_count = std::min(control.thread_count.load(std::memory_order_relaxed), wire::kThreadCountMax);
  view.thread_high = std::min(control.thread_high.load(std::memory_order_relaxed), wire::kThreadCountMax);
  view.patched_sites = control.patched_sites.load(std::memory_order_relaxed);
  view.conversion_us = control.conversion_us.load(std::memory_order_relaxed);
  view.segment_bytes_reserved = control.segment_bytes_reserved;
  view.dispatch = control.dispatch.load(std::memory_order_relaxed);
  view.armed_because = printable(control.armed_because, sizeof control.armed_because);
  view.logical_cpus = cpus_of(control.logical_cpus);
  for (uint32_t i = 0; i < view.node_count; ++i) view.nodes.push_back(view_of(control.nodes[i], i));
  copy_counts(view.trapped_by_number, control.trapped_by_number);
  copy_counts(view.dispatched_by_number, control.dispatched_by_number);
  copy_counts(view.refused_by_number, control.refused_by_number);
  return view;
}

std::vector<ThreadView> parse_threads(std::span<const std::byte> records) {
  std::vector<ThreadView> threads;
  const size_t count = std::min<size_t>(records.size() / sizeof(wire::ThreadRecord), wire::kThreadCountMax);
  for (size_t i = 0; i < count; ++i) {
    wire::ThreadRecord record;
    std::memcpy(static_cast<void*>(&record), records.data() + i * sizeof record, sizeof record);
    ThreadView view{};
    view.index = static_cast<uint32_t>(i);
    view.state = record.state.load(std::memory_order_relaxed);
    view.tid = record.tid.load(std::memory_order_relaxed);
    view.node = record.node.load(std::memory_order_relaxed);
    if (view.state == wire::ThreadState::free || view.node >= kNodeCountMax || view.tid <= 0) continue;
    threads.push_back(view);
  }
  return threads;
}

std::string cpu_list(const std::vector<uint32_t>& cpus) {
  std::string text;
  for (size_t i = 0; i < cpus.size();) {
    size_t end = i;
    while (end + 1 < cpus.size() && cpus[end + 1] == cpus[end] + 1) ++end;
    if (!text.empty()) text += ',';
    text += end == i ? fmt::format("{}", cpus[i]) : fmt::format("{}-{}", cpus[i], cpus[end]);
    i = end + 1;
  }
  return text.empty() ? "-" : text;
}

} // namespace sp::spctl
