// SPDX-License-Identifier: Apache-2.0
// `spctl nodes [PID]`: for each node of a SubProcess its resident process, agent, CPUs, threads and requests.
#include <nlohmann/json.hpp>

#include "spctl/commands.hpp"
#include "spctl/control_json.hpp"
#include "spctl/message.hpp"
#include "spctl/subprocess_list.hpp"
#include "spctl/thread_list.hpp"
#include "spctl/table.hpp"

namespace sp::spctl {
namespace {

std::string number_or_dash(int32_t number) { return number > 0 ? fmt::format("{}", number) : "-"; }

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
  nlohmann::ordered_json one = control_json(subprocess.control);
  one["command"] = subprocess.command;
  one["threads"] = nlohmann::ordered_json::array();
  for (const ThreadLine& thread : threads) one["threads"].push_back(thread_json(thread));
  return one;
}

} // namespace

int nodes(const SubProcessOptions& options) {
  std::vector<SubProcess> chosen;
  if (options.pid) {
    auto found = find_subprocess(*options.pid);
    if (!found) return own_error("{}", found.error());
    chosen.push_back(std::move(*found));
  } else {
    SubProcessList list = list_subprocesses();
    for (const UnreadableProcess& process : list.unreadable)
      say(fmt::format("process {}: {}", process.pid, process.why));
    chosen = std::move(list.subprocesses);
  }

  nlohmann::ordered_json all = nlohmann::ordered_json::array();
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
    if (options.output == Output::json) {
      all.push_back(json_of(subprocess, threads));
      continue;
    }
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
  if (options.output == Output::json)
    print(all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  else
    table.print();
  return 0;
}

} // namespace sp::spctl
