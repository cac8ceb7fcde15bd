// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/placement.hpp"

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/process/threads.hpp"

namespace sp {

namespace {

constexpr uint32_t kCpuCountMax = wire::kCpuWordCount * 64;

bool has(const wire::CpuMask& mask, uint32_t cpu) { return mask.words[cpu / 64] >> (cpu % 64) & 1; }
void add(wire::CpuMask& mask, uint32_t cpu) { mask.words[cpu / 64] |= 1ull << (cpu % 64); }

uint32_t count_of(const wire::CpuMask& mask) {
  uint32_t count = 0;
  for (uint64_t word : mask.words)
    for (; word; word &= word - 1) ++count;
  return count;
}

uint32_t nth(const wire::CpuMask& mask, uint32_t n) {
  for (uint32_t cpu = 0; cpu < kCpuCountMax; ++cpu)
    if (has(mask, cpu) && n-- == 0) return cpu;
  return 0;
}

// A node takes threads until it has one for each of its processors, then the next node is filled; all full: round robin.
NodeId fill() {
  for (uint32_t n = 0; n < node_count(); ++n)
    if (node_record({n}).thread_count.load() < count_of(node_record({n}).cpus)) return {n};
  return {control().placement_next.fetch_add(1) % node_count()};
}

NodeId least_loaded() {
  NodeId best = home_node();
  for (uint32_t n = 0; n < node_count(); ++n)
    if (node_record({n}).thread_count.load() < node_record(best).thread_count.load()) best = {n};
  return best;
}

} // namespace

NodeId choose_node() {
  if (!is_shared()) return home_node(); // it has one node, whatever its number
  if (const int32_t asked = thread_self.place_next) {
    thread_self.place_next = 0;
    if (asked <= static_cast<int32_t>(node_count())) // on isolated nodes it may have been meant for a process
      return {static_cast<uint32_t>(asked - 1)};
  }
  switch (control().options.placement) {
    case wire::Placement::fill: return fill();
    case wire::Placement::least_loaded: return least_loaded();
    case wire::Placement::round_robin: break;
  }
  // The first new thread goes to the node after home, where the main thread is.
  const uint32_t turn = control().placement_next.fetch_add(1) + 1;
  return {(home_node().value + turn) % node_count()};
}

NodeId home_of(int32_t pid, int32_t superprocess) {
  if (is_isolated()) return home_node(); // the process is where it is
  if (pid == superprocess) return {0};
  return {static_cast<uint32_t>(pid) % node_count()};
}

void share_out_processors() {
  auto& c = control();
  const uint32_t cpu_count = count_of(c.logical_cpus), nodes = node_count();
  if (cpu_count == 0) return;
  for (uint32_t n = 0; n < nodes; ++n) {
    wire::CpuMask& mask = c.nodes[n].cpus;
    mask = {};
    if (const uint32_t each = c.options.cores_per_node) {
      for (uint32_t i = 0; i < each; ++i) add(mask, nth(c.logical_cpus, (n * each + i) % cpu_count));
    } else if (nodes >= cpu_count) {
      add(mask, nth(c.logical_cpus, n % cpu_count));
    } else {
      for (uint32_t i = n * cpu_count / nodes; i < (n + 1) * cpu_count / nodes; ++i) add(mask, nth(c.logical_cpus, i));
    }
  }
}

void live_on(NodeId home, uint32_t node_count) {
  auto& c = control();
  if (node_count == 1) home = {0}; // the only one is its first
  c.options.node_count = node_count;
  c.nodes[c.identity.home_node].host_pid.store(0);
  c.identity.home_node = home.value;
  c.nodes[home.value].host_pid.store(c.identity.pid);
  node_private().node = home.value;
  share_out_processors();
  restart_thread_table();
}

void stay_on(NodeId node) { sys::call(SYS_sched_setaffinity, 0, sizeof(wire::CpuMask), &node_record(node).cpus); }

} // namespace sp
