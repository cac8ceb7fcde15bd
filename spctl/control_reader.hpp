// SPDX-License-Identifier: Apache-2.0
// A SubProcess's control segment as seen from outside. Another process writes it, perhaps while we read, perhaps a
// hostile or damaged one: the bytes are copied first, then magic, version, size and every count are checked, and only
// plain values leave this file.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "libsuperproc/wire/subprocess.hpp"

namespace sp::spctl {

struct NodeView {
  uint32_t index;
  wire::NodeState state;
  int32_t host_pid;
  int32_t agent_tid;
  uint32_t thread_count;
  uint32_t thread_started_count;
  std::vector<uint32_t> cpus;
  uint64_t requests_served, requests_sent, dispatched, trapped, signals_forwarded, forks, execs, doorbells;
  uint64_t pipe_transfers, pipe_bytes;
};

struct ThreadView {
  uint32_t index;
  wire::ThreadState state;
  int32_t tid;
  uint32_t node;
};

struct ControlView {
  wire::SubProcessState state;
  wire::Identity identity;
  wire::Placement placement;
  uint32_t node_count, cores_per_node, option_flags;
  uint32_t thread_count, thread_high, patched_sites, conversion_us;
  uint64_t segment_bytes_reserved;
  wire::Dispatch dispatch;
  std::string armed_because;
  std::vector<uint32_t> logical_cpus;
  std::vector<NodeView> nodes; // node_count of them
  std::array<uint32_t, wire::kSyscallCountMax> trapped_by_number, dispatched_by_number, refused_by_number;
};

const char* state_name(wire::SubProcessState state);
const char* state_name(wire::NodeState state);
const char* state_name(wire::ThreadState state);
const char* dispatch_name(wire::Dispatch dispatch);

// The bytes before the thread records are enough for the first; the second reads whole records after that offset.
inline constexpr size_t kControlHeadBytes = offsetof(wire::SubProcessControl, threads);

using ReadError = std::string; // why it cannot be understood, for people

tl::expected<ControlView, ReadError> parse_control(std::span<const std::byte> bytes);
std::vector<ThreadView> parse_threads(std::span<const std::byte> records);

std::string cpu_list(const std::vector<uint32_t>& cpus); // "0-3,8"

} // namespace sp::spctl
