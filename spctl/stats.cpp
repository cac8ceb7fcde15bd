// SPDX-License-Identifier: Apache-2.0
// `spctl stats PID`: the counters of a SubProcess, of each node and in all.
#include <nlohmann/json.hpp>

#include "spctl/commands.hpp"
#include "spctl/control_json.hpp"
#include "spctl/message.hpp"
#include "spctl/subprocess_list.hpp"
#include "spctl/table.hpp"

namespace sp::spctl {
namespace {

struct Counter {
  const char* name;
  uint64_t NodeView::*value;
};
constexpr Counter kCounters[] = {
    {"calls that left the fast path", &NodeView::dispatched},
    {"... of these, trapped", &NodeView::trapped},
    {"requests served", &NodeView::requests_served},
    {"requests sent", &NodeView::requests_sent},
    {"doorbells rung", &NodeView::doorbells},
    {"signals forwarded", &NodeView::signals_forwarded},
    {"forks", &NodeView::forks},
    {"execs", &NodeView::execs},
    {"pipe transfers by ring", &NodeView::pipe_transfers},
    {"... their bytes", &NodeView::pipe_bytes},
};

std::string trapped_text(const ControlView& control) {
  if (control.dispatch == wire::Dispatch::sealed) return "no need: all code is proven to make none";
  return control.armed_because.empty() ? "yes" : "yes, because of " + control.armed_because;
}

void print_tables(const SubProcess& subprocess) {
  const ControlView& control = subprocess.control;
  Table facts({{""}, {""}});
  facts.row({"command", subprocess.command});
  facts.row({"state", state_name(control.state)});
  if (const auto& isolated = subprocess.isolated) {
    facts.row({"isolated on", fmt::format("node {} of cluster {}, its number there {}", isolated->node,
                                          isolated->cluster, isolated->inside)});
    if (const auto& shadow = isolated->shadow)
      facts.row({"its shadow", fmt::format("{} on node {}", shadow->pid, shadow->node)});
  }
  facts.row({"threads alive", fmt::format("{}", control.thread_count)});
  facts.row({"sites patched", fmt::format("{}", control.patched_sites)});
  facts.row({"other calls trapped", trapped_text(control)});
  if (control.conversion_us != 0) facts.row({"conversion took", fmt::format("{} us", control.conversion_us)});
  facts.row({"reserved in segments", bytes_text(control.segment_bytes_reserved)});
  facts.print();
  print("\n");

  std::vector<Column> columns{{"COUNTER"}, {"ALL", Align::right}};
  for (const NodeView& node : control.nodes) columns.push_back({fmt::format("NODE {}", node.index), Align::right});
  Table table(columns);
  for (const Counter& counter : kCounters) {
    uint64_t sum = 0;
    std::vector<std::string> cells{counter.name, {}};
    for (const NodeView& node : control.nodes) {
      sum += node.*counter.value;
      cells.push_back(fmt::format("{}", node.*counter.value));
    }
    cells[1] = fmt::format("{}", sum);
    table.row(std::move(cells));
  }
  table.print();
}

} // namespace

int stats(const SubProcessOptions& options) {
  const auto found = find_subprocess(options.pid.value_or(0));
  if (!found) return own_error("{}", found.error());
  if (options.output == Output::table) {
    print_tables(*found);
    return 0;
  }
  nlohmann::ordered_json one = subprocess_json(*found);
  one["command"] = found->command;
  print(one.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  return 0;
}

} // namespace sp::spctl
