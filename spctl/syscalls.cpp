// SPDX-License-Identifier: Apache-2.0
// `spctl syscalls`: syscalls.def as a table, so that anybody can look up what superproc does with a call;
// `--missed PID`: which calls of a running SubProcess came by trap (no patched site) or were refused.
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "libsuperproc/syscalls/table.hpp"
#include "spctl/commands.hpp"
#include "spctl/message.hpp"
#include "spctl/subprocess_list.hpp"
#include "spctl/table.hpp"

namespace sp::spctl {
namespace {

std::string error_name(uint16_t error) {
  const char* name = error == 0 ? nullptr : strerrorname_np(error);
  return name != nullptr ? name : "";
}

std::string result_text(const SyscallRow& row) {
  const std::string error = error_name(row.error);
  return error.empty() ? level_name(row.level) : fmt::format("{} ({})", level_name(row.level), error);
}

std::string note_of(const SyscallRow& row) {
  const IsolatedRow* isolated = find_isolated(row.name);
  if (isolated == nullptr) return row.note;
  return fmt::format("{}{}Isolated nodes ({}): {}", row.note, *row.note ? " " : "", level_name(isolated->level),
                     isolated->note);
}

int print_rows(const std::vector<const SyscallRow*>& rows, Output output) {
  if (output == Output::json) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const SyscallRow* row : rows) {
      const IsolatedRow* isolated = find_isolated(row->name);
      all.push_back({{"number", row->number},
                     {"name", row->name},
                     {"route", route_name(row->route)},
                     {"level", level_name(row->level)},
                     {"family", family_name(row->family)},
                     {"error", error_name(row->error)},
                     {"arguments", row->arguments},
                     {"note", row->note},
                     {"isolated_level", level_name(isolated ? isolated->level : row->level)},
                     {"isolated_note", isolated ? isolated->note : ""}});
    }
    print(all.dump(2) + "\n");
    return 0;
  }
  Table table({{"NR", Align::right}, {"NAME"}, {"ROUTE"}, {"LEVEL"}, {"FAMILY"}, {"NOTE"}});
  for (const SyscallRow* row : rows)
    table.row({fmt::format("{}", row->number), row->name, route_name(row->route), result_text(*row),
               family_name(row->family), note_of(*row)});
  table.print();
  return 0;
}

std::string call_name(uint32_t number) {
  const SyscallRow* row = find_syscall(number);
  return row != nullptr ? row->name : fmt::format("call {}", number);
}

struct Missed {
  uint32_t number, trapped, refused, dispatched;
};

int missed(int32_t pid, Output output) {
  const auto found = find_subprocess(pid);
  if (!found) return own_error("{}", found.error());
  const ControlView& control = found->control;
  std::vector<Missed> calls;
  for (uint32_t number = 0; number < wire::kSyscallCountMax; ++number)
    if (control.trapped_by_number[number] != 0 || control.refused_by_number[number] != 0)
      calls.push_back({number, control.trapped_by_number[number], control.refused_by_number[number],
                       control.dispatched_by_number[number]});
  std::stable_sort(calls.begin(), calls.end(), [](const Missed& a, const Missed& b) {
    return a.refused != b.refused ? a.refused > b.refused : a.trapped > b.trapped;
  });
  if (output == Output::json) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const Missed& call : calls)
      all.push_back({{"number", call.number},
                     {"name", call_name(call.number)},
                     {"refused", call.refused},
                     {"trapped", call.trapped},
                     {"dispatched", call.dispatched}});
    print(all.dump(2) + "\n");
    return 0;
  }
  if (calls.empty()) {
    print(fmt::format("process {}: no call was refused or came by trap\n", pid));
    return 0;
  }
  Table table({{"NR", Align::right},
               {"NAME"},
               {"REFUSED", Align::right},
               {"TRAPPED", Align::right},
               {"DISPATCHED", Align::right},
               {"NOTE"}});
  for (const Missed& call : calls) {
    const SyscallRow* row = find_syscall(call.number);
    table.row({fmt::format("{}", call.number), call_name(call.number), fmt::format("{}", call.refused),
               fmt::format("{}", call.trapped), fmt::format("{}", call.dispatched), row != nullptr ? row->note : ""});
  }
  table.print();
  return 0;
}

} // namespace

int syscalls(const SyscallsOptions& options) {
  if (options.missed_pid) return missed(*options.missed_pid, options.output);
  std::vector<const SyscallRow*> rows;
  for (const std::string& name : options.names) {
    const SyscallRow* row = find_syscall(name);
    if (row == nullptr) return own_error("{}: no x86-64 system call; spctl syscalls lists them", name);
    rows.push_back(row);
  }
  if (options.names.empty())
    for (const SyscallRow& row : syscall_rows()) rows.push_back(&row);
  return print_rows(rows, options.output);
}

} // namespace sp::spctl
