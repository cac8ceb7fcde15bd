// SPDX-License-Identifier: Apache-2.0
// `spctl top`: nodes and SubProcesses and what they do, again and again, on a terminal, or with -b as text one below the
// other. Rates are of the time since the picture before; the first one is of a moment.
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "spctl/live_terminal.hpp"
#include "spctl/message.hpp"
#include "spctl/table.hpp"
#include "spctl/tool_options.hpp"
#include "spctl/top_sample.hpp"

namespace sp::spctl {
namespace {

constexpr useconds_t kFirstUs = 200'000;

std::string rate_text(double rate) { return fmt::format("{:.0f}", rate); }
std::string percent_text(double cpus) { return fmt::format("{:.1f}", cpus * 100); }

std::string time_text(double cpu_seconds) { // as top has it
  const auto hundredths = static_cast<uint64_t>(cpu_seconds * 100);
  return fmt::format("{}:{:02}.{:02}", hundredths / 6000, hundredths / 100 % 60, hundredths % 100);
}

std::string head_text(const TopView& view) {
  const time_t now = time(nullptr);
  tm local{};
  localtime_r(&now, &local);
  uint32_t threads = 0;
  double cpu = 0;
  for (const TopProcessLine& line : view.processes) threads += line.process->threads, cpu += line.cpu;
  return fmt::format("spctl top - {:02}:{:02}:{:02}, {} nodes, {} SubProcesses, {} threads, {}% CPU\n\n", local.tm_hour,
                     local.tm_min, local.tm_sec, view.nodes.size(), view.processes.size(), threads, percent_text(cpu));
}

std::string text_of(const TopView& view) {
  Table nodes({{"CLUSTER", Align::right},
               {"NODE", Align::right},
               {"STATE"},
               {"SUBPROCESSES", Align::right},
               {"%CPU", Align::right},
               {"REQUESTS/S", Align::right},
               {"DOORBELLS/S", Align::right},
               {"CALLS/S", Align::right}});
  for (const TopNodeLine& node : view.nodes)
    nodes.row({number_or_dash(node.cluster), fmt::format("{}", node.node), node.state,
               fmt::format("{}", node.subprocesses), percent_text(node.cpu), rate_text(node.requests),
               rate_text(node.doorbells), rate_text(node.calls)});
  Table processes({{"PID", Align::right},
                   {"NODE"},
                   {"STATE"},
                   {"THREADS", Align::right},
                   {"%CPU", Align::right},
                   {"TIME", Align::right},
                   {"COMMAND"}});
  for (const TopProcessLine& line : view.processes)
    processes.row({fmt::format("{}", line.process->pid), line.process->node, line.process->state,
                   fmt::format("{}", line.process->threads), percent_text(line.cpu), time_text(line.cpu_seconds),
                   line.process->command});
  return head_text(view) + nodes.text(false) + "\n" + processes.text(false);
}

std::string json_of(const TopView& view) {
  using nlohmann::ordered_json;
  ordered_json nodes = ordered_json::array(), processes = ordered_json::array();
  for (const TopNodeLine& node : view.nodes)
    nodes.push_back({{"cluster", node.cluster},
                     {"node", node.node},
                     {"state", node.state},
                     {"subprocesses", node.subprocesses},
                     {"cpus", node.cpu},
                     {"requests_per_second", node.requests},
                     {"doorbells_per_second", node.doorbells},
                     {"calls_per_second", node.calls}});
  for (const TopProcessLine& line : view.processes)
    processes.push_back({{"pid", line.process->pid},
                         {"node", line.process->node},
                         {"state", line.process->state},
                         {"threads", line.process->threads},
                         {"cpus", line.cpu},
                         {"cpu_seconds", line.cpu_seconds},
                         {"command", line.process->command}});
  const ordered_json all = {{"nodes", std::move(nodes)}, {"subprocesses", std::move(processes)}};
  return all.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

// The picture is what happened since the one before.
class Pictures {
public:
  Pictures() : before_(take_top_sample()) { usleep(kFirstUs); }

  std::string next(Output output) {
    now_ = take_top_sample();
    const TopView view = compare(before_, now_);
    std::string text = output == Output::json ? json_of(view) : text_of(view);
    std::swap(before_, now_);
    return text;
  }

private:
  TopSample before_, now_{};
};

int batch(const TopOptions& options) {
  Pictures pictures;
  for (uint32_t n = 0; options.count == 0 || n < options.count; ++n) {
    if (n > 0) usleep(static_cast<useconds_t>(options.seconds * 1e6));
    if (n > 0 && options.output == Output::table) print("\n");
    print(pictures.next(options.output));
    if (ferror(stdout) != 0) return 0; // nobody reads it any more
  }
  return 0;
}

int live(const TopOptions& options) {
  Pictures pictures;
  LiveTerminal terminal;
  print("\033[H\033[J");
  for (uint32_t n = 0; (options.count == 0 || n < options.count) && !LiveTerminal::ended(); ++n) {
    terminal.show(pictures.next(Output::table));
    if (const int key = terminal.key(options.seconds); key == 'q' || key == 'Q') break;
  }
  return 0;
}

} // namespace

int top(const TopOptions& options) {
  if (options.batch || options.output == Output::json) return batch(options);
  if (!LiveTerminal::possible())
    return own_error("top needs a terminal; for text one below the other: spctl top -b -n 1");
  return live(options);
}

} // namespace sp::spctl
