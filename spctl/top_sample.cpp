// SPDX-License-Identifier: Apache-2.0
// See top_sample.hpp.
#include "spctl/top_sample.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/core.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace sp::spctl {
namespace {

double cpu_seconds_of(int32_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::ostringstream text;
  text << file.rdbuf();
  return cpu_seconds_in_stat(text.str());
}

TopResident resident(const SubProcess& subprocess, int32_t pid, const NodeView& node) {
  const auto& isolated = subprocess.isolated;
  return {isolated ? isolated->cluster : 0,
          isolated ? isolated->node : node.index,
          cpu_seconds_of(pid),
          node.requests_served,
          node.doorbells,
          node.dispatched};
}

TopProcess describe(const SubProcess& subprocess) {
  const ControlView& control = subprocess.control;
  TopProcess process{control.identity.pid, {}, std::max(1u, control.thread_count), state_name(control.state),
                     subprocess.command,   {}};
  for (const NodeView& node : control.nodes) {
    process.node += fmt::format("{}{}", process.node.empty() ? "" : "+", node.thread_count);
    const bool home = node.index == control.identity.home_node;
    const int32_t pid = home ? control.identity.pid : node.host_pid;
    if (pid > 0) process.residents.emplace(pid, resident(subprocess, pid, node));
  }
  if (control.state == wire::SubProcessState::native) process.node = fmt::format("{}", control.identity.home_node);
  if (subprocess.isolated) process.node = fmt::format("{}", subprocess.isolated->node);
  return process;
}

double rate(uint64_t before, uint64_t now, double seconds) {
  return now > before && seconds > 0 ? static_cast<double>(now - before) / seconds : 0;
}

class Comparison {
public:
  Comparison(const TopSample& before, const TopSample& now) : seconds_(now.seconds - before.seconds) {
    for (const TopProcess& process : before.processes)
      for (const auto& [pid, resident] : process.residents) before_.emplace(pid, resident);
    for (const IsolatedCluster& cluster : now.clusters)
      for (uint32_t n = 0; n < cluster.nodes.size(); ++n)
        line(cluster.number(), n).state = state_name(cluster.view.nodes[n].state);
    for (const TopProcess& process : now.processes) add(process);
  }

  TopView view() {
    TopView all;
    for (const auto& [key, node] : nodes_) all.nodes.push_back(node);
    std::stable_sort(processes_.begin(), processes_.end(),
                     [](const TopProcessLine& a, const TopProcessLine& b) { return a.cpu > b.cpu; });
    all.processes = std::move(processes_);
    return all;
  }

private:
  TopNodeLine& line(int32_t cluster, uint32_t node) {
    return nodes_.emplace(std::pair(cluster, node), TopNodeLine{cluster, node, "running"}).first->second;
  }

  void add(const TopProcess& process) {
    TopProcessLine all{&process, 0, 0};
    for (const auto& [pid, now] : process.residents) {
      const auto known = before_.find(pid);
      const TopResident before =
          known != before_.end() ? known->second : TopResident{now.cluster, now.node, 0, 0, 0, 0};
      const double cpu = seconds_ > 0 ? std::max(0.0, now.cpu_seconds - before.cpu_seconds) / seconds_ : 0;
      TopNodeLine& node = line(now.cluster, now.node);
      ++node.subprocesses;
      node.cpu += cpu;
      node.requests += rate(before.requests, now.requests, seconds_);
      node.doorbells += rate(before.doorbells, now.doorbells, seconds_);
      node.calls += rate(before.calls, now.calls, seconds_);
      all.cpu += cpu;
      all.cpu_seconds += now.cpu_seconds;
    }
    processes_.push_back(all);
  }

  double seconds_;
  std::map<int32_t, TopResident> before_;
  std::map<std::pair<int32_t, uint32_t>, TopNodeLine> nodes_;
  std::vector<TopProcessLine> processes_;
};

} // namespace

TopSample take_top_sample() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  SubProcessList list = list_subprocesses();
  TopSample sample{static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9, {}, {}};
  for (const SubProcess& subprocess : list.subprocesses) sample.processes.push_back(describe(subprocess));
  sample.clusters = std::move(list.clusters);
  return sample;
}

TopView compare(const TopSample& before, const TopSample& now) { return Comparison(before, now).view(); }

double cpu_seconds_in_stat(const std::string& stat) {
  constexpr int kBetween = 11; // state to the field before utime
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(stat.substr(name_end + 1));
  std::string skipped;
  for (int i = 0; i < kBetween; ++i) rest >> skipped;
  uint64_t user = 0, system = 0;
  if (!(rest >> user >> system)) return 0;
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

} // namespace sp::spctl
