// SPDX-License-Identifier: Apache-2.0
// Reads spctl's arguments with CLI11. The arguments of `run` are divided first: everything from the program's name on,
// or after "--", is the program's own and never looked at. Those of `kill` are kill(1)'s.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "libsuperproc/base/ids.hpp"
#include "spctl/commands.hpp"
#include "spctl/message.hpp"
#include "spctl/runtime_folder.hpp"
#include "spctl/tool_options.hpp"

namespace sp::spctl {
namespace {

constexpr std::array<std::string_view, 7> kRunOptionsWithValue = {
    "--image", "--nodes", "-n", "--placement", "--cores-per-node", "--cluster", "--backend"};
constexpr std::string_view kSummary = "--summary";

struct Divided {
  std::vector<std::string> own;     // spctl's arguments, without the name of spctl
  std::vector<std::string> command; // the program's
};

bool takes_value(std::string_view argument) {
  return argument == kSummary ||
         std::find(kRunOptionsWithValue.begin(), kRunOptionsWithValue.end(), argument) != kRunOptionsWithValue.end();
}

Divided divide(int argument_count, char** arguments) {
  Divided divided;
  const std::vector<std::string> all(arguments + std::min(1, argument_count), arguments + argument_count);
  if (all.size() > 1 && all.front() == "kill" && all[1] != "--help" && all[1] != "-h") // -9 is an option there
    return {{"kill"}, {all.begin() + 1, all.end()}};
  if (!all.empty() && all.front() == "trace")
    if (const auto dashes = std::find(all.begin(), all.end(), "--"); dashes != all.end())
      return {{all.begin(), dashes}, {dashes + 1, all.end()}};
  if (all.empty() || all.front() != "run") return {all, {}};
  divided.own.push_back(all.front());
  size_t at = 1;
  for (; at < all.size() && all[at].starts_with('-') && all[at] != "--"; ++at) {
    divided.own.push_back(all[at]);
    if (takes_value(all[at]) && at + 1 < all.size()) divided.own.push_back(all[++at]);
  }
  if (at < all.size() && all[at] == "--") ++at;
  divided.command.assign(all.begin() + static_cast<ptrdiff_t>(std::min(at, all.size())), all.end());
  return divided;
}

class CommandLine {
public:
  CommandLine() {
    app_.name("spctl");
    app_.set_version_flag("--version", "spctl " SP_VERSION, "Print the version and end");
    app_.require_subcommand(1);
    add_run();
    add_clusters();
    add_ps();
    add_subprocess_commands();
    add_syscalls();
    add_doctor();
    add_bench();
    add_tools(app_, tools_, action_);
    // Last: a sub-command would inherit it.
    app_.footer("A program under superproc is started with:  spctl run --nodes 2 -- PROGRAM ARGUMENTS\n"
                "Exit status: 125 for an error of spctl, 126 and 127 when the program cannot be run or is not found.");
  }

  int parse(std::vector<std::string> own, std::vector<std::string> command) {
    tools_.kill.arguments = tools_.trace.run.command = command;
    run_.command = std::move(command);
    std::reverse(own.begin(), own.end()); // as CLI11 wants it
    try {
      app_.parse(own);
    } catch (const CLI::Success& wanted) { // --help and --version
      return app_.exit(wanted);
    } catch (const CLI::ParseError& wrong) {
      std::string what = wrong.what();
      what = what.substr(0, what.find('\n'));
      return own_error("{}; see spctl --help", what);
    }
    return action_ ? action_() : kExitOwnError;
  }

private:
  CLI::App* add(const char* name, const char* purpose) { return app_.add_subcommand(name, purpose); }

  static void add_json(CLI::App* command, Output& output) {
    command->add_flag_callback(
        "--json", [&output] { output = Output::json; }, "Print JSON, for programs");
  }

  // --isolate or --isolate=strict.
  static void add_isolation(CLI::App* command, Isolation& isolation, const char* purpose) {
    const auto take = [&isolation](std::string& given) -> std::string {
      isolation = given == "strict" ? Isolation::strict : Isolation::namespaces;
      return given == "strict" || given == "true" ? "" : "--isolate=" + given + ": say --isolate or --isolate=strict";
    };
    command->add_flag("--isolate")
        ->description(std::string(purpose) + "; =strict: they have no common file tree either")
        ->transform(CLI::Validator(take, ""));
  }

  static void add_image(CLI::App* command, std::vector<std::string>& image) {
    command->add_option("--image", image, "With --isolate=strict: a FOLDER more that all nodes have, to be read")
        ->type_name("FOLDER")
        ->allow_extra_args(false); // one each time it is given
  }

  void add_backend(CLI::App* command, std::string& backend, Isolation& isolation) {
    command
        ->add_option_function<std::string>(
            "--backend",
            [&](const std::string& name) {
              backend = name;
              if (name == "xen") isolation = Isolation::strict; // they have nothing in common but the image
            },
            "What nodes are: embedded (this Linux), or xen (domains that have joined: spctl join)")
        ->type_name("NAME");
  }

  void add_run() {
    CLI::App* command = add("run", "Run a program with its threads spread over nodes");
    command->footer("Say: spctl run [OPTIONS] [--] PROGRAM [ARGUMENTS...]");
    command->add_option("-n,--nodes", run_.nodes, "How many nodes, 1 to 16 (SUPERPROC_NODES, else 2)")->type_name("N");
    add_isolation(command, run_.isolation, "Give each node namespaces of its own and spread processes over them");
    add_image(command, run_.image);
    add_backend(command, run_.backend, run_.isolation);
    command->add_option("--cluster", run_.cluster, "Run it in the cluster NAME, which spctl up has started")
        ->type_name("NAME");
    command->add_option("--placement", run_.placement, "Where threads go: round-robin, fill, least-loaded")
        ->type_name("POLICY");
    command->add_option("--cores-per-node", run_.cores_per_node, "CPUs of each node (an equal share)")->type_name("N");
    command
        ->add_option("--summary", run_.summary_path,
                     "Write where threads ran to FILE, a line of JSON for each SubProcess")
        ->type_name("FILE");
    command->add_flag_callback(
        "--allow-native", [this] { run_.fallback = NativeFallback::allow; },
        "Run a program that cannot be virtualised natively instead of refusing it");
    command->add_flag("--trace", run_.trace, "Say on standard error what conversion and placement do");
    command->callback([this] { action_ = [this] { return run(run_); }; });
  }

  void add_clusters() {
    CLI::App* command = add("up", "Start a cluster of isolated nodes that stays");
    command->add_option("-n,--nodes", up_.nodes, "How many nodes, 1 to 16 (SUPERPROC_NODES, else 2)")->type_name("N");
    add_isolation(command, up_.isolation, "Always so");
    add_image(command, up_.image);
    add_backend(command, up_.backend, up_.isolation);
    command->add_option("--name", up_.name, "What it is called (default)")->type_name("NAME");
    command->add_option("--placement", up_.placement, "Where processes go: round-robin, fill, least-loaded")
        ->type_name("POLICY");
    command->add_option("--cores-per-node", up_.cores_per_node, "CPUs of each node (all)")->type_name("N");
    command->callback([this] { action_ = [this] { return up(up_); }; });

    command =
        add("join", "Make this Xen domain a node of the clusters that another domain starts; stays until it is killed");
    command->add_option("DOMAIN", join_.first_domain, "Its number")->required();
    command->callback([this] { action_ = [this] { return join(join_); }; });

    command = add("down", "End such a cluster, and everything in it");
    command->add_option("NAME", down_.name, "Which (default)");
    command->callback([this] { action_ = [this] { return down(down_); }; });
  }

  void add_ps() {
    CLI::App* command = add("ps", "List the SubProcesses that run on this machine");
    command->add_flag_callback(
        "-T,--threads", [this] { ps_.lines = Lines::threads; },
        "A line for each thread: its node, state, CPU time, name");
    command->add_flag_callback(
        "--tree", [this] { ps_.arrangement = Arrangement::tree; }, "Children below their parents, over all nodes");
    add_json(command, ps_.output);
    command->callback([this] { action_ = [this] { return ps(ps_); }; });
  }

  void add_subprocess_commands() {
    CLI::App* command = add("nodes", "Show the nodes of one SubProcess, or of all");
    command->add_option("PID", subprocess_.pid, "A SubProcess, or a resident of it");
    add_json(command, subprocess_.output);
    command->callback([this] { action_ = [this] { return nodes(subprocess_); }; });

    command = add("maps", "Show what the address ranges of a SubProcess are");
    command->add_option("PID", subprocess_.pid, "A SubProcess, or a resident of it")->required();
    add_json(command, subprocess_.output);
    command->callback([this] { action_ = [this] { return maps(subprocess_); }; });

    command = add("stats", "Show the counters of a SubProcess");
    command->add_option("PID", subprocess_.pid, "A SubProcess, or a resident of it")->required();
    add_json(command, subprocess_.output);
    command->callback([this] { action_ = [this] { return stats(subprocess_); }; });
  }

  void add_syscalls() {
    CLI::App* command = add("syscalls", "Show what superproc does with each system call");
    command->add_option("NAME", syscalls_.names, "Only these");
    command
        ->add_option("--missed", syscalls_.missed_pid,
                     "Instead: calls of SubProcess PID that came by trap or were refused")
        ->type_name("PID");
    add_json(command, syscalls_.output);
    command->callback([this] { action_ = [this] { return syscalls(syscalls_); }; });
  }

  void add_doctor() {
    CLI::App* command = add("doctor", "Say what this machine can do, and why not");
    command->add_option("-n,--nodes", doctor_.node_count, "For how many nodes (2)")
        ->type_name("N")
        ->check(CLI::Range(1u, kNodeCountMax));
    add_json(command, doctor_.output);
    command->callback([this] { action_ = [this] { return doctor(doctor_); }; });
  }

  void add_bench() {
    CLI::App* command = add("bench", "Measure superproc against native runs, in turn");
    command->add_option("--only", bench_.only, "Only measurements whose name matches")->type_name("REGEX");
    command->add_option("--runs", bench_.run_count, "Runs of each kind; the median counts (5, quick 3)")
        ->type_name("N")
        ->check(CLI::Range(1u, 1000u));
    command->add_option("-n,--nodes", bench_.node_count, "How many nodes (2)")
        ->type_name("N")
        ->check(CLI::Range(1u, kNodeCountMax));
    command->add_flag("--isolate", bench_.isolate,
                      "On isolated nodes: messages, signals, pipes, processes between them");
    command->add_option("--backend", bench_.backend, "The same on nodes of this kind: see spctl run")
        ->type_name("NAME");
    command->add_flag("--quick", bench_.quick, "Shorter and less exact");
    command->add_flag("--list", bench_.list, "Only name the measurements");
    add_json(command, bench_.output);
    command->callback([this] { action_ = [this] { return bench(bench_); }; });
  }

  CLI::App app_{"spctl: runs and inspects programs under superproc"};
  std::function<int()> action_;
  RunOptions run_;
  JoinOptions join_;
  UpOptions up_{kClusterNameDefault, {}, {}, {}, Isolation::namespaces, {}, {}};
  DownOptions down_{kClusterNameDefault};
  PsOptions ps_;
  SubProcessOptions subprocess_;
  SyscallsOptions syscalls_;
  DoctorOptions doctor_;
  BenchOptions bench_;
  ToolOptions tools_;
};

} // namespace

int command_line(int argument_count, char** arguments) {
  Divided divided = divide(argument_count, arguments);
  return CommandLine().parse(std::move(divided.own), std::move(divided.command));
}

} // namespace sp::spctl
