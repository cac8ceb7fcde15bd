// SPDX-License-Identifier: Apache-2.0
// `spctl run`: starts a program with the shim preloaded. Everything that can be known before is checked before; then the
// program is executed in this very process, with nothing in between, so that its exit status, the signals it dies by,
// its place in the terminal's job and its parent are those of a native program. Only --summary keeps spctl as parent
// (run_summary.cpp).
#include <cerrno>
#include <cstdlib>
#include <unistd.h>

#include "spctl/commands.hpp"
#include "spctl/kernel_abilities.hpp"
#include "spctl/library.hpp"
#include "spctl/message.hpp"
#include "spctl/program.hpp"
#include "spctl/run_settings.hpp"
#include "spctl/run_summary.hpp"

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

int start(const RunOptions& options, const Program& program, std::vector<std::string> environment) {
  const auto exec = [&] { return refuse(execute(program, options.command, std::move(environment))); };
  if (options.summary_path.empty()) return exec();
  return run_with_summary(options.summary_path, exec);
}

} // namespace

int run(const RunOptions& options) {
  if (options.command.empty()) return own_error("no program given; say: spctl run --nodes 2 -- PROGRAM ARGUMENTS");
  const auto settings = check_settings(options, getenv(wire::kEnvNodes), usable_cpu_count());
  if (!settings) return refuse(settings.error());
  const auto path = find_program(options.command.front());
  if (!path) return refuse(path.error());
  const auto program = judge_program(*path);
  if (!program) return refuse(program.error());

  if (!program->obstacle.empty()) {
    if (options.fallback == NativeFallback::refuse)
      return own_error("{}; run it with --allow-native to run it natively", program->obstacle);
    if (options.trace) say(program->obstacle + "; it runs natively");
    return start(options, *program, native_environment(environ));
  }
  const auto library = find_library();
  if (!library) return refuse(library.error());
  if (const int error = dispatch_errno(); error != 0)
    return own_error("this kernel has no Syscall User Dispatch ({}); it needs Linux 5.11 or newer, see spctl doctor",
                     errno_text(error));
  return start(options, *program, superproc_environment(environ, *settings, *library));
}

} // namespace sp::spctl
