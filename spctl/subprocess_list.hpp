// SPDX-License-Identifier: Apache-2.0
// Finds the SubProcesses that run on this machine and reads their control segments, through /proc/PID/mem: nobody is
// stopped, nothing is written. Residents of one SubProcess carry the same identity and are its nodes, not entries of
// their own; no more are the shadows of those that have moved to another isolated node.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "spctl/cluster_list.hpp"
#include "spctl/control_reader.hpp"

namespace sp::spctl {

struct Shadow { // of a SubProcess that has moved
  uint32_t node;
  int32_t pid;
  std::vector<int32_t> descriptors; // that it has open for its body
};

struct Isolated { // of a SubProcess on an isolated node
  int32_t cluster;
  uint32_t node;
  int32_t inside; // its number there
  std::optional<Shadow> shadow;
};

// All numbers in it are those that this machine's /proc has, whatever the control segment says.
struct SubProcess {
  ControlView control;
  int32_t reader_pid;                 // the process through which it was read: home, or a resident that outlived it
  std::vector<int32_t> resident_pids; // all processes found that hold its address space, home first
  std::string command;
  uint64_t space; // its pid namespace, 0: ours
  std::optional<Isolated> isolated;
};

struct SubProcessList {
  std::vector<SubProcess> subprocesses; // by pid
  std::vector<IsolatedCluster> clusters;
  std::vector<UnreadableProcess> unreadable;
};

SubProcessList list_subprocesses();

// The SubProcess that `pid` is, or is a resident of.
tl::expected<SubProcess, ReadError> find_subprocess(int32_t pid);

// Bytes of another process's memory; fewer than asked for where the rest is not mapped. The error is an errno.
tl::expected<std::vector<std::byte>, int> read_memory(int32_t pid, uint64_t address, size_t bytes);

// As it is written there.
tl::expected<ControlView, ReadError> read_control(int32_t pid);
std::vector<ThreadView> read_threads(int32_t pid, const ControlView& control);

} // namespace sp::spctl
