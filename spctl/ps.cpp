// SPDX-License-Identifier: Apache-2.0
// `spctl ps [-T] [--tree]`: the SubProcesses that run on this machine, or their threads, as far as this user may look at
// them; as a list, or as the tree of parents and children.
#include <nlohmann/json.hpp>

#include "spctl/commands.hpp"
#include "spctl/control_json.hpp"
#include "spctl/kinship.hpp"
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

// In which order, and what is drawn before the command.
std::vector<Branch> arranged(const SubProcessList& list, Arrangement arrangement) {
  if (arrangement == Arrangement::tree) return forest(parents_of(list.subprocesses));
  return forest(std::vector<int32_t>(list.subprocesses.size(), -1));
}

int ps_table(const SubProcessList& list, Arrangement arrangement) {
  Table table({{"PID", Align::right},
               {"SUPERPROCESS", Align::right},
               {"NODES", Align::right},
               {"STATE"},
               {"THREADS"},
               {"NODE", Align::right},
               {"INSIDE", Align::right},
               {"SHADOW"},
               {"COMMAND"}});
  for (const Branch& branch : arranged(list, arrangement)) {
    const SubProcess& subprocess = list.subprocesses[branch.index];
    const ControlView& control = subprocess.control;
    std::vector<std::string> cells = {
        fmt::format("{}", control.identity.pid), number_or_dash(control.identity.superprocess),
        fmt::format("{}", control.node_count), state_name(control.state), threads_per_node(control)};
    for (std::string& cell : isolated_cells(subprocess.isolated)) cells.push_back(std::move(cell));
    cells.push_back(branch.prefix + subprocess.command);
    table.row(std::move(cells));
  }
  table.print();
  return 0;
}

int ps_threads(const SubProcessList& list, Arrangement arrangement) {
  Table table(
      {{"PID", Align::right}, {"TID", Align::right}, {"NODE", Align::right}, {"S"}, {"TIME", Align::right}, {"NAME"}});
  for (const Branch& branch : arranged(list, arrangement)) {
    const SubProcess& subprocess = list.subprocesses[branch.index];
    for (const ThreadLine& thread : list_threads(subprocess))
      table.row({fmt::format("{}", subprocess.control.identity.pid), fmt::format("{}", thread.tid),
                 fmt::format("{}", thread.node), std::string(1, thread.state), time_text(thread.cpu_seconds),
                 branch.prefix + thread.name});
  }
  table.print();
  return 0;
}

nlohmann::ordered_json json_of(const SubProcess& subprocess, Lines lines) {
  nlohmann::ordered_json one = subprocess_json(subprocess);
  one["residents"] = subprocess.resident_pids;
  one["command"] = subprocess.command;
  if (lines == Lines::threads) {
    one["threads"] = nlohmann::ordered_json::array();
    for (const ThreadLine& thread : list_threads(subprocess)) one["threads"].push_back(thread_json(thread));
  }
  return one;
}

// A list in both arrangements: with `tree` each names its parent and depth, and children come behind their parent.
int ps_json(const SubProcessList& list, const PsOptions& options) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  const bool tree = options.arrangement == Arrangement::tree;
  const std::vector<int32_t> parents = tree ? parents_of(list.subprocesses) : std::vector<int32_t>{};
  for (const Branch& branch : tree ? forest(parents) : arranged(list, options.arrangement)) {
    nlohmann::ordered_json one = json_of(list.subprocesses[branch.index], options.lines);
    if (tree) {
      const int32_t parent = parents[branch.index];
      one["parent"] = parent >= 0 ? list.subprocesses[static_cast<size_t>(parent)].control.identity.pid : 0;
      one["depth"] = branch.depth;
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
  if (options.output == Output::json) return ps_json(list, options);
  if (options.lines == Lines::threads) return ps_threads(list, options.arrangement);
  return ps_table(list, options.arrangement);
}

} // namespace sp::spctl
