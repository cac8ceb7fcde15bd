// SPDX-License-Identifier: Apache-2.0
// The parent of an isolated cluster: makes the namespaces and an spd in each, and looks after them until the cluster's
// end. If it is killed, the spds die with it (parent-death signal), and with an spd, the first process of its namespace,
// every process of the node.
#pragma once
#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "spctl/cluster_segment.hpp"
#include "spctl/message.hpp"
#include "spctl/run_settings.hpp"

namespace sp::spctl {

struct Launch {
  Segments segments;
  int report;                       // to spctl (wire/launch_report.hpp)
  std::vector<std::string> program; // file and arguments of the first program; empty: the cluster lasts without one
  std::vector<std::string> environment;
};

// The environment of daemons and programs, or what is missing of superproc.
tl::expected<std::vector<std::string>, Refusal> cluster_environment(std::vector<std::string> program);

std::vector<int> pools_of(const Launch& launch);

// Of this process's descriptors only `kept` stay open: the program alone has the launcher's, or the other end of its pipes
// would stay open.
void let_go_of_descriptors(std::vector<int> kept);
void have_nothing_open(const std::vector<int>& but); // ... and /dev/null in place of the first three

// One process each, of `count` nodes from `first` on; the launcher is told what prevents it, and this process ends.
std::vector<pid_t> start_nodes(NodeId first, uint32_t count, const Launch& launch);
[[noreturn]] void give_up(const Launch& launch, const std::vector<pid_t>& spds, const char* what);

// The nodes' spds that this process is the parent of, and what else is to be looked at now and then.
struct Begun {
  std::vector<pid_t> spds;
  int every_ms = -1;
  std::function<void()> look = [] {};
  std::function<void()> part = [] {}; // in the end
};

// Starts all nodes, and what rings between them. `kept` and the launch's report are this process's only descriptors then.
Begun begin_nodes(const RunSettings& settings, const Launch& launch, std::vector<int> kept);

// Until the first node ends, or `until` closes without a byte, or (it lasts, `until` is none) SIGTERM comes; fences the
// others as they end. Kills all that is left of the nodes, but does not wait for it.
void keep_nodes(const Begun& begun, const Launch& launch, int until);
void end_nodes(const Begun& begun);

} // namespace sp::spctl
