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

  void add_trace() {
    TraceOptions& trace = options_.trace;
    CLI::App* command = app_.add_subcommand("trace", "Show the calls of a SubProcess, or of a program that is started");
    command->footer("Say: spctl trace [OPTIONS] PID\n"
                    "     spctl trace [OPTIONS] -- PROGRAM [ARGUMENTS...]");
    command->add_option("PID", trace.pid, "A SubProcess, or a resident of it");
    const auto form = [&trace](TraceForm wanted) { return [&trace, wanted] { trace.form = wanted; }; };
    command->add_flag_callback("-c,--summary-only", form(TraceForm::summary), "Only count calls, errors and time");
    command->add_flag_callback("--json", form(TraceForm::json), "A line of JSON for each call");
    command->add_flag_callback("--perfetto", form(TraceForm::perfetto), "A trace that Perfetto opens");
    command->add_flag("-f,--follow", trace.follow, "Its children, too, on whichever nodes");
    command->add_option("-o,--output", trace.path, "Write to FILE")->type_name("FILE");
    command->add_option("-n,--nodes", trace.run.nodes, "For a program: how many nodes")->type_name("N");
    command->add_flag_callback(
        "--isolate", [&trace] { trace.run.isolation = Isolation::namespaces; }, "For a program: isolated nodes");
    command->callback([this] { action_ = [this] { return sp::spctl::trace(options_.trace); }; });
  }

  void add_top() {
    TopOptions& top = options_.top;
    CLI::App* command = app_.add_subcommand("top", "Show what nodes and SubProcesses do, again and again; q ends");
    command->add_flag("-b,--batch", top.batch, "As text one below the other, without a terminal");
    command->add_option("-n,--iterations", top.count, "End after N pictures")->type_name("N");
    command->add_option("-d,--delay", top.seconds, "Between two pictures (2)")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.1, 3600.0));
    command->add_flag_callback(
        "--json", [&top] { top.output = Output::json; }, "A line of JSON for each picture");
    command->callback([this] { action_ = [this] { return sp::spctl::top(options_.top); }; });
  }

  void add_log() {
    LogOptions& log = options_.log;
    CLI::App* command = app_.add_subcommand("log", "Show what isolated clusters had to say");
    command->add_option("-n,--lines", log.count, "Only the last N")->type_name("N");
    command->add_flag("-f,--follow", log.follow, "Go on with what is said from now on");
    command->add_flag_callback(
        "--json", [&log] { log.output = Output::json; }, "A line of JSON for each");
    command->callback([this] { action_ = [this] { return sp::spctl::log(options_.log); }; });
  }

  void add_gc() {
    CLI::App* command = app_.add_subcommand("gc", "Remove what dead clusters have left");
    command->add_flag("--code", options_.gc.code,
                      "Also the code of libraries that is kept patched for the next program");
    command->add_flag("--dry-run", options_.gc.dry_run, "Only say what would be removed");
    add_json(command, options_.gc.output);
    command->callback([this] { action_ = [this] { return sp::spctl::gc(options_.gc); }; });
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
  tools->add_trace();
  tools->add_top();
  tools->add_log();
  tools->add_gc();
  app.final_callback([tools] {}); // as long as the callbacks
}

} // namespace sp::spctl
