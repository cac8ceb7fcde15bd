// SPDX-License-Identifier: Apache-2.0
// `spctl fds PID`: the descriptors of a SubProcess, and which node has what they lead to.
#include <nlohmann/json.hpp>

#include "spctl/descriptor_list.hpp"
#include "spctl/message.hpp"
#include "spctl/table.hpp"
#include "spctl/tool_options.hpp"

namespace sp::spctl {
namespace {

int print_table(const std::vector<DescriptorLine>& lines) {
  Table table({{"FD", Align::right}, {"KIND"}, {"NODE"}, {"OFFSET", Align::right}, {"FLAGS"}, {"WHAT"}});
  for (const DescriptorLine& line : lines)
    table.row({fmt::format("{}", line.number), line.kind,
               fmt::format("{}{}", line.node, line.at_shadow ? " shadow" : ""),
               line.offset ? fmt::format("{}", *line.offset) : "-", line.flags, line.what});
  table.print();
  return 0;
}

int print_json(const std::vector<DescriptorLine>& lines) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const DescriptorLine& line : lines) {
    nlohmann::ordered_json one = {{"fd", line.number},        {"kind", line.kind},   {"node", line.node},
                                  {"shadow", line.at_shadow}, {"flags", line.flags}, {"what", line.what}};
    if (line.offset) one["offset"] = *line.offset;
    all.push_back(std::move(one));
  }
  print(all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  return 0;
}

} // namespace

int fds(const SubProcessOptions& options) {
  const auto found = find_subprocess(options.pid.value_or(0));
  if (!found) return own_error("{}", found.error());
  const auto lines = list_descriptors(*found);
  if (!lines) return own_error("process {}: {}", found->resident_pids.front(), errno_text(lines.error()));
  return options.output == Output::json ? print_json(*lines) : print_table(*lines);
}

} // namespace sp::spctl
