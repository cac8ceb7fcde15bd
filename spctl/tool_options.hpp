// SPDX-License-Identifier: Apache-2.0
// The sub-commands that look after what runs, as commands.hpp has the others.
#pragma once
#include <functional>

#include "spctl/commands.hpp"

namespace CLI {
class App;
}

namespace sp::spctl {

struct KillOptions {
  std::vector<std::string> arguments; // as kill(1) has them
};
int kill_subprocesses(const KillOptions& options);

int fds(const SubProcessOptions& options);

enum class TraceForm { text, json, perfetto, summary };
struct TraceOptions {
  TraceForm form = TraceForm::text;
  std::string path; // "": standard error, or output where it is for programs
  bool follow = false;
  std::optional<int32_t> pid;
  RunOptions run; // of a program that is started
};
int trace(const TraceOptions& options);

struct TopOptions {
  Output output = Output::table;
  bool batch = false;
  double seconds = 2;
  uint32_t count = 0; // pictures; 0: until told to end
};
int top(const TopOptions& options);

struct LogOptions {
  Output output = Output::table;
  bool follow = false;
  std::optional<uint32_t> count; // only the last ones
};
int log(const LogOptions& options);

struct GcOptions {
  Output output = Output::table;
  bool code = false;
  bool dry_run = false;
};
int gc(const GcOptions& options);

struct ToolOptions {
  GcOptions gc;
  LogOptions log;
  TopOptions top;
  TraceOptions trace;
  KillOptions kill;
  SubProcessOptions subprocess;
};

// Adds these sub-commands; what is wanted goes to `action`.
void add_tools(CLI::App& app, ToolOptions& options, std::function<int()>& action);

} // namespace sp::spctl
