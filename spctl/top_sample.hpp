// SPDX-License-Identifier: Apache-2.0
// What `spctl top` shows: SubProcesses and nodes at one moment, and what happened on them since the moment before.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "spctl/subprocess_list.hpp"

namespace sp::spctl {

// Counters of one resident process, which holds one node of its SubProcess.
struct TopResident {
  int32_t cluster; // 0: embedded nodes
  uint32_t node;
  double cpu_seconds;
  uint64_t requests, doorbells, calls;
};

struct TopProcess {
  int32_t pid;
  std::string node; // of an isolated one, else threads on each, "3+2"
  uint32_t threads;
  const char* state;
  std::string command;
  std::map<int32_t, TopResident> residents; // by process number
};

struct TopSample {
  double seconds; // of a clock that only counts
  std::vector<TopProcess> processes;
  std::vector<IsolatedCluster> clusters;
};
TopSample take_top_sample();

struct TopNodeLine {
  int32_t cluster;
  uint32_t node;
  const char* state;
  uint32_t subprocesses = 0;
  double cpu = 0;                                // CPUs in use
  double requests = 0, doorbells = 0, calls = 0; // a second
};

struct TopProcessLine {
  const TopProcess* process;
  double cpu; // CPUs in use
  double cpu_seconds;
};

struct TopView {
  std::vector<TopNodeLine> nodes;
  std::vector<TopProcessLine> processes; // the busiest first
};

// Of what is in both; what has begun since counts from nothing. `now` must live as long as the view.
TopView compare(const TopSample& before, const TopSample& now);

double cpu_seconds_in_stat(const std::string& stat); // of /proc/PID/stat

} // namespace sp::spctl
