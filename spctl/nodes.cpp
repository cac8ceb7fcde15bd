// SPDX-License-Identifier: Apache-2.0
// `spctl nodes [PID]`: for each node of a SubProcess its resident process, agent, CPUs, threads and requests; for each
// isolated node its daemon, its process numbers, and how many SubProcesses have moved there.
#include <ctime>
#include <nlohmann/json.hpp>

#include "spctl/commands.hpp"
#include "spctl/control_json.hpp"
#include "spctl/message.hpp"
#include "spctl/subprocess_list.hpp"
#include "spctl/thread_list.hpp"
#include "spctl/table.hpp"

namespace sp::spctl {
namespace {

// Threads by name, for the people who ask which threads run where.
std::string thread_names(const std::vector<ThreadLine>& threads, uint32_t node) {
  constexpr size_t kShown = 4;
  std::string text;
  size_t count = 0;
  for (const ThreadLine& thread : threads) {
    if (thread.node != node) continue;
    if (count++ < kShown) text += fmt::format("{}{}", text.empty() ? "" : " ", thread.name);
  }
  if (count > kShown) text += fmt::format(" and {} more", count - kShown);
  return text;
}

nlohmann::ordered_json json_of(const SubProcess& subprocess, const std::vector<ThreadLine>& threads) {
  nlohmann::ordered_json one = subprocess_json(subprocess);
  one["command"] = subprocess.command;
  one["threads"] = nlohmann::ordered_json::array();
  for (const ThreadLine& thread : threads) one["threads"].push_back(thread_json(thread));
  return one;
}

void print_subprocesses(const std::vector<SubProcess>& chosen) {
  Table table({{"PID", Align::right},
               {"NODE", Align::right},
               {"STATE"},
               {"RESIDENT", Align::right},
               {"AGENT", Align::right},
               {"CPUS"},
               {"ALIVE", Align::right},
               {"STARTED", Align::right},
               {"SERVED", Align::right},
               {"SENT", Align::right},
               {"THREADS"}});
  for (const SubProcess& subprocess : chosen) {
    const auto threads = list_threads(subprocess);
    const wire::Identity& identity = subprocess.control.identity;
    for (const NodeView& node : subprocess.control.nodes) {
      const bool home = node.index == identity.home_node;
      table.row({fmt::format("{}", identity.pid), fmt::format("{}{}", node.index, home ? "*" : ""),
                 state_name(node.state), number_or_dash(home && node.host_pid == 0 ? identity.pid : node.host_pid),
                 number_or_dash(node.agent_tid), cpu_list(node.cpus), fmt::format("{}", node.thread_count),
                 fmt::format("{}", node.thread_started_count), fmt::format("{}", node.requests_served),
                 fmt::format("{}", node.requests_sent), thread_names(threads, node.index)});
    }
  }
  table.print();
}

std::string time_text(int64_t seconds) {
  if (seconds <= 0) return "-";
  const time_t then = seconds;
  char text[32] = "-";
  tm parts{};
  if (localtime_r(&then, &parts)) strftime(text, sizeof text, "%F %T", &parts);
  return text;
}

void print_clusters(const std::vector<IsolatedCluster>& clusters) {
  Table table({{"CLUSTER", Align::right},
               {"ISOLATED NODE", Align::right},
               {"STATE"},
               {"SPD", Align::right},
               {"DOMAIN", Align::right},
               {"MEMORY"},
               {"NUMBERS"},
               {"BODIES", Align::right},
               {"BEGUN", Align::right},
               {"DEAD SINCE"},
               {"NAME"}});
  for (const IsolatedCluster& cluster : clusters)
    for (uint32_t n = 0; n < cluster.nodes.size(); ++n) {
      const ClusterNodeView& node = cluster.view.nodes[n];
      table.row({fmt::format("{}", cluster.number()), fmt::format("{}", n), state_name(node.state),
                 number_or_dash(cluster.nodes[n].spd), number_or_dash(node.domain), memory_name(node),
                 fmt::format("{}-{}", node.first_pid, node.end_pid - 1), fmt::format("{}", node.body_count),
                 fmt::format("{}", node.bodies_begun), time_text(node.dead_since),
                 cluster.view.name.empty() ? "-" : cluster.view.name});
    }
  table.print();
}

struct Chosen {
  std::vector<SubProcess> subprocesses;
  std::vector<IsolatedCluster> clusters;
};

// A number may also be an spd's: then its cluster.
tl::expected<Chosen, ReadError> choose(int32_t pid) {
  for (IsolatedCluster& cluster : list_clusters(NumberTable::read()).clusters)
    for (const IsolatedNode& node : cluster.nodes)
      if (node.spd == pid) return Chosen{{}, {std::move(cluster)}};
  auto found = find_subprocess(pid);
  if (!found) return tl::unexpected<ReadError>(found.error());
  return Chosen{{std::move(*found)}, {}};
}

Chosen choose_all() {
  SubProcessList list = list_subprocesses();
  for (const UnreadableProcess& process : list.unreadable) say(fmt::format("process {}: {}", process.pid, process.why));
  return {std::move(list.subprocesses), std::move(list.clusters)};
}

int print_json(const Chosen& chosen) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const SubProcess& subprocess : chosen.subprocesses) all.push_back(json_of(subprocess, list_threads(subprocess)));
  for (const IsolatedCluster& cluster : chosen.clusters) all.push_back(cluster_json(cluster));
  print(all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  return 0;
}

} // namespace

int nodes(const SubProcessOptions& options) {
  auto chosen = options.pid ? choose(*options.pid) : choose_all();
  if (!chosen) return own_error("{}", chosen.error());
  if (options.output == Output::json) return print_json(*chosen);
  if (!chosen->subprocesses.empty() || chosen->clusters.empty()) print_subprocesses(chosen->subprocesses);
  if (chosen->clusters.empty()) return 0;
  if (!chosen->subprocesses.empty()) print("\n");
  print_clusters(chosen->clusters);
  return 0;
}

} // namespace sp::spctl
