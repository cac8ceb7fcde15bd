// SPDX-License-Identifier: Apache-2.0
// `spctl ps`: the SubProcesses that run on this machine, as far as this user may look at them.
#include <nlohmann/json.hpp>

#include "spctl/commands.hpp"
#include "spctl/control_json.hpp"
#include "spctl/message.hpp"
#include "spctl/subprocess_list.hpp"
#include "spctl/table.hpp"

namespace sp::spctl {
namespace {

std::string threads_per_node(const ControlView& control) { // "3+2", home's node is not marked
  if (control.state == wire::SubProcessState::native) return "1";
  std::string text;
  for (const NodeView& node : control.nodes) text += fmt::format("{}{}", text.empty() ? "" : "+", node.thread_count);
  return text;
}

int ps_json(const SubProcessList& list) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const SubProcess& subprocess : list.subprocesses) {
    nlohmann::ordered_json one = control_json(subprocess.control);
    one["residents"] = subprocess.resident_pids;
    one["command"] = subprocess.command;
    all.push_back(std::move(one));
  }
  print(all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  return 0;
}

} // namespace

int ps(const PsOptions& options) {
  const SubProcessList list = list_subprocesses();
  for (const UnreadableProcess& process : list.unreadable) say(fmt::format("process {}: {}", process.pid, process.why));
  if (options.output == Output::json) return ps_json(list);
  Table table({{"PID", Align::right},
               {"SUPERPROCESS", Align::right},
               {"NODES", Align::right},
               {"STATE"},
               {"THREADS"},
               {"COMMAND"}});
  for (const SubProcess& subprocess : list.subprocesses) {
    const ControlView& control = subprocess.control;
    table.row({fmt::format("{}", control.identity.pid), fmt::format("{}", control.identity.superprocess),
               fmt::format("{}", control.node_count), state_name(control.state), threads_per_node(control),
               subprocess.command});
  }
  table.print();
  return 0;
}

} // namespace sp::spctl
