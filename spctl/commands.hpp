// SPDX-License-Identifier: Apache-2.0
// The sub-commands: what each is given by the command line, and the function that does it and returns spctl's exit
// status. command_line.cpp fills these; nothing here knows about option syntax.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sp::spctl {

enum class Output { table, json };
enum class Lines { subprocesses, threads };
enum class Arrangement { list, tree };
enum class NativeFallback { refuse, allow };
enum class Isolation { none, namespaces, strict }; // strict: without a common file tree

enum class Backend { embedded, xen };

struct RunOptions {
  std::string nodes; // as given; empty: SUPERPROC_NODES or kNodesDefault
  std::string placement;
  std::string cores_per_node;
  std::string summary_path;
  std::string backend; // as given; empty: embedded
  std::string cluster; // that lasts, and is to run it; empty: its own
  NativeFallback fallback = NativeFallback::refuse;
  Isolation isolation = Isolation::none;
  std::vector<std::string> image; // more folders of a strict cluster's image
  bool trace = false;
  std::vector<std::string> command; // the program and its arguments
};
int run(const RunOptions& options);

struct UpOptions {
  std::string name, nodes, placement, cores_per_node; // as given
  Isolation isolation = Isolation::namespaces;
  std::vector<std::string> image;
  std::string backend;
};
int up(const UpOptions& options);

struct DownOptions {
  std::string name;
};
int down(const DownOptions& options);

struct JoinOptions {
  int32_t first_domain = -1;
};
int join(const JoinOptions& options);

struct DoctorOptions {
  Output output = Output::table;
  uint32_t node_count = 2;
};
int doctor(const DoctorOptions& options);

struct PsOptions {
  Output output = Output::table;
  Lines lines = Lines::subprocesses;
  Arrangement arrangement = Arrangement::list;
};
int ps(const PsOptions& options);

struct SubProcessOptions {
  Output output = Output::table;
  std::optional<int32_t> pid;
};
int nodes(const SubProcessOptions& options);
int maps(const SubProcessOptions& options);
int stats(const SubProcessOptions& options);

struct SyscallsOptions {
  Output output = Output::table;
  std::vector<std::string> names;
  std::optional<int32_t> missed_pid;
};
int syscalls(const SyscallsOptions& options);

struct BenchOptions {
  Output output = Output::table;
  std::string only; // regular expression on the name
  std::optional<uint32_t> run_count;
  uint32_t node_count = 2;
  bool isolate = false;
  std::string backend; // as run has it; empty: embedded
  bool quick = false;  // shorter windows, fewer runs, a smaller picture
  bool list = false;
};
int bench(const BenchOptions& options);

// Reads the arguments of the command and does what they say.
int command_line(int argument_count, char** arguments);

} // namespace sp::spctl
