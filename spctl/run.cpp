// SPDX-License-Identifier: Apache-2.0
// `spctl run`: starts a program with the shim preloaded. Everything that can be known before is checked before; then the
// program is executed in this very process, with nothing in between, so that its exit status, the signals it dies by,
// its place in the terminal's job and its parent are those of a native program.
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

#include "spctl/cluster.hpp"
#include "spctl/commands.hpp"
#include "spctl/domains.hpp"
#include "spctl/join.hpp"
#include "spctl/kernel_abilities.hpp"
#include "spctl/library.hpp"
#include "spctl/message.hpp"
#include "spctl/program.hpp"
#include "spctl/run_settings.hpp"

extern char** environ;

namespace sp::spctl {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

Refusal execute(const Program& program, std::vector<std::string> command, std::vector<std::string> environment) {
  if (program.runs_by_shell) {
    command.front() = program.path;
    command.insert(command.begin(), "/bin/sh");
  }
  const std::string file = program.runs_by_shell ? "/bin/sh" : program.path;
  execve(file.c_str(), pointers(command).data(), pointers(environment).data());
  const int error = errno;
  const bool missing = error == ENOENT || error == ENOTDIR;
  return {missing ? kExitNotFound : kExitNotExecutable, fmt::format("{}: cannot run it: {}", file, errno_text(error))};
}

int execute_isolated(const Program& program, std::vector<std::string> command, const RunSettings& settings,
                     const std::string& cluster, const std::string& library) {
  if (program.runs_by_shell) {
    command.front() = program.path;
    command.insert(command.begin(), "/bin/sh");
  }
  const std::string file = program.runs_by_shell ? "/bin/sh" : program.path;
  RunSettings on_a_node = settings;
  on_a_node.cores_per_node = 0; // the node itself has no others
  const auto environment = superproc_environment(environ, on_a_node, library);
  const auto status = cluster.empty() ? run_isolated(settings, file, command, environment)
                                      : run_in_cluster(cluster, file, command, environment);
  if (!status && status.error().exit_code == kExitOwnError)
    return own_error("{}; see spctl doctor", status.error().text);
  if (!status) return refuse(status.error());
  end_as(*status);
}

// An empty file where the summary will be, by a path that holds wherever the program goes.
tl::expected<std::string, Refusal> new_summary(const std::string& path) {
  if (path.empty()) return path;
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  char* absolute = descriptor < 0 ? nullptr : realpath(path.c_str(), nullptr);
  const int error = errno;
  if (descriptor >= 0) close(descriptor);
  if (absolute == nullptr)
    return tl::unexpected<Refusal>(
        Refusal{kExitOwnError, fmt::format("{}: cannot write the summary: {}", path, errno_text(error))});
  const std::string found = absolute;
  free(absolute);
  return found;
}

} // namespace

int run(const RunOptions& options) {
  if (options.command.empty()) return own_error("no program given; say: spctl run --nodes 2 -- PROGRAM ARGUMENTS");
  if (options.backend == "xen" && over_domains.begin == nullptr) return become_sp_xen();
  auto settings = check_settings(options, getenv(wire::kEnvNodes), usable_cpu_count());
  if (!settings) return refuse(settings.error());
  const auto path = find_program(options.command.front());
  if (!path) return refuse(path.error());
  const auto program = judge_program(*path);
  if (!program) return refuse(program.error());

  const bool isolated = options.isolation != Isolation::none || !options.cluster.empty();
  if (!options.cluster.empty() && !(options.nodes + options.placement + options.cores_per_node).empty())
    return own_error("--nodes, --placement and --cores-per-node are the cluster's; give them to spctl up");
  if (isolated && options.fallback == NativeFallback::allow)
    return own_error("isolated nodes and --allow-native exclude each other: on isolated nodes nothing runs natively");
  if (isolated && inside_superproc())
    return own_error("isolated nodes inside a SuperProcess are not possible; run it outside");
  if (!program->obstacle.empty() && (options.fallback == NativeFallback::allow || !program->starts_others)) {
    if (options.fallback == NativeFallback::refuse)
      return own_error("{}; run it with --allow-native{} to run it natively", program->obstacle,
                       isolated ? " instead of --isolate" : "");
    if (options.trace) say(program->obstacle + "; it runs natively");
    return refuse(execute(*program, options.command, native_environment(environ)));
  }
  if (!program->obstacle.empty() && options.trace)
    say(program->obstacle + "; it runs on its first node, programs that it starts are placed");
  const auto library = find_library();
  if (!library) return refuse(library.error());
  if (const int error = dispatch_errno(); error != 0)
    return own_error("this kernel has no Syscall User Dispatch ({}); it needs Linux 5.11 or newer, see spctl doctor",
                     errno_text(error));
  const auto summary = new_summary(options.summary_path);
  if (!summary) return refuse(summary.error());
  settings->summary_path = *summary;
  if (isolated) return execute_isolated(*program, options.command, *settings, options.cluster, *library);
  auto environment = superproc_environment(environ, *settings, *library);
  if (!program->obstacle.empty()) environment.push_back(superprocess_name());
  return refuse(execute(*program, options.command, std::move(environment)));
}

} // namespace sp::spctl
