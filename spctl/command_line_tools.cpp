// SPDX-License-Identifier: Apache-2.0
// See tool_options.hpp.
#include <CLI/CLI.hpp>

#include "spctl/tool_options.hpp"

namespace sp::spctl {
namespace {

class Tools {
public:
  Tools(CLI::App& app, ToolOptions& options, std::function<int()>& action)
      : app_(app), options_(options), action_(action) {}

  void add_kill() {
    CLI::App* command = app_.add_subcommand("kill", "Send a signal to SubProcesses, wherever they run");
    command->footer("Say: spctl kill [-s SIGNAL | -SIGNAL] [-q VALUE] PID...   a negative PID is a process group\n"
                    "     spctl kill -l [SIGNAL...] | -L                      names and numbers of signals\n"
                    "Exit status: 0, 1 when nothing was signalled, 64 when not all were.");
    command->callback([this] { action_ = [this] { return kill_subprocesses(options_.kill); }; });
  }

  void add_fds() {
    CLI::App* command = app_.add_subcommand("fds", "Show the descriptors of a SubProcess, on all nodes");
    command->add_option("PID", options_.subprocess.pid, "A SubProcess, or a resident of it")->required();
    add_json(command, options_.subprocess.output);
    command->callback([this] { action_ = [this] { return fds(options_.subprocess); }; });
  }

private:
  static void add_json(CLI::App* command, Output& output) {
    command->add_flag_callback(
        "--json", [&output] { output = Output::json; }, "Print JSON, for programs");
  }

  CLI::App& app_;
  ToolOptions& options_;
  std::function<int()>& action_;
};

} // namespace

void add_tools(CLI::App& app, ToolOptions& options, std::function<int()>& action) {
  const auto tools = std::make_shared<Tools>(app, options, action);
  tools->add_kill();
  tools->add_fds();
  app.final_callback([tools] {}); // as long as the callbacks
}

} // namespace sp::spctl
