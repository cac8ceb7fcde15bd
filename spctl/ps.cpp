// SPDX-License-Identifier: Apache-2.0
// `spctl ps [-T]`: the SubProcesses that run on this machine, or their threads, as far as this user may look at them.
#include <nlohmann/json.hpp>

#include "spctl/commands.hpp"
#include "spctl/control_json.hpp"
#include "spctl/message.hpp"
#include "spctl/subprocess_list.hpp"
#include "spctl/thread_list.hpp"
#include "spctl/table.hpp"

namespace sp::spctl {
namespace {

std::string threads_per_node(const ControlView& control) { // "3+2", home's node is not marked
  if (control.state == wire::SubProcessState::native) return "1";
  std::string text;
  for (const NodeView& node : control.nodes) text += fmt::format("{}{}", text.empty() ? "" : "+", node.thread_count);
  return text;
}

std::string time_text(uint64_t seconds) { // as ps has it: hh:mm:ss
  return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

// Node, number there, shadow and its node: of those on isolated nodes.
std::vector<std::string> isolated_cells(const std::optional<Isolated>& isolated) {
  if (!isolated) return {"-", "-", "-"};
  const auto& shadow = isolated->shadow;
  return {fmt::format("{}", isolated->node), fmt::format("{}", isolated->inside),
          shadow ? fmt::format("{} on {}", number_or_dash(shadow->pid), shadow->node) : "-"};
}

int ps_table(const SubProcessList& list) {
  Table table({{"PID", Align::right},
               {"SUPERPROCESS", Align::right},
               {"NODES", Align::right},
               {"STATE"},
               {"THREADS"},
               {"NODE", Align::right},
               {"INSIDE", Align::right},
               {"SHADOW"},
               {"COMMAND"}});
  for (const SubProcess& subprocess : list.subprocesses) {
    const ControlView& control = subprocess.control;
    std::vector<std::string> cells = {
        fmt::format("{}", control.identity.pid), number_or_dash(control.identity.superprocess),
        fmt::format("{}", control.node_count), state_name(control.state), threads_per_node(control)};
    for (std::string& cell : isolated_cells(subprocess.isolated)) cells.push_back(std::move(cell));
    cells.push_back(subprocess.command);
    table.row(std::move(cells));
  }
  table.print();
  return 0;
}

int ps_threads(const SubProcessList& list) {
  Table table(
      {{"PID", Align::right}, {"TID", Align::right}, {"NODE", Align::right}, {"S"}, {"TIME", Align::right}, {"NAME"}});
  for (const SubProcess& subprocess : list.subprocesses)
    for (const ThreadLine& thread : list_threads(subprocess))
      table.row({fmt::format("{}", subprocess.control.identity.pid), fmt::format("{}", thread.tid),
                 fmt::format("{}", thread.node), std::string(1, thread.state), time_text(thread.cpu_seconds),
                 thread.name});
  table.print();
  return 0;
}

int ps_json(const SubProcessList& list, Lines lines) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const SubProcess& subprocess : list.subprocesses) {
    nlohmann::ordered_json one = subprocess_json(subprocess);
    one["residents"] = subprocess.resident_pids;
    one["command"] = subprocess.command;
    if (lines == Lines::threads) {
      one["threads"] = nlohmann::ordered_json::array();
      for (const ThreadLine& thread : list_threads(subprocess)) one["threads"].push_back(thread_json(thread));
    }
    all.push_back(std::move(one));
  }
  print(all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  return 0;
}

} // namespace

int ps(const PsOptions& options) {
  const SubProcessList list = list_subprocesses();
  for (const UnreadableProcess& process : list.unreadable) say(fmt::format("process {}: {}", process.pid, process.why));
  if (options.output == Output::json) return ps_json(list, options.lines);
  if (options.lines == Lines::threads) return ps_threads(list);
  return ps_table(list);
}

} // namespace sp::spctl
