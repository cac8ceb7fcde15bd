// SPDX-License-Identifier: Apache-2.0
// The options of a SuperProcess as `spctl run` accepts them, and the environment that carries them into it.
#pragma once
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "libsuperproc/base/ids.hpp"
#include "libsuperproc/wire/subprocess.hpp"
#include "spctl/commands.hpp"
#include "spctl/message.hpp"

namespace sp::spctl {

inline constexpr const char* kEnvSummary = "SUPERPROC_SUMMARY"; // the shim appends a line for each SubProcess
inline constexpr uint32_t kNodesDefault = 2;

struct RunSettings {
  uint32_t node_count = kNodesDefault;
  wire::Placement placement = wire::Placement::round_robin;
  uint32_t cores_per_node = 0;    // 0: an equal share
  std::vector<std::string> image; // folders that all nodes have alike; none: they have all files in common
  Backend backend = Backend::embedded;
  bool trace = false;
  std::string summary_path; // absolute; empty: as inherited
};

const char* placement_name(wire::Placement placement);

tl::expected<RunSettings, Refusal> check_settings(const RunOptions& options, const char* inherited_nodes,
                                                  uint32_t cpu_count);

// `own` with superproc's variables set, the library put before whatever LD_PRELOAD held, and SUPERPROC_ID removed: the
// program is the first of a new SuperProcess, also inside another one.
std::vector<std::string> superproc_environment(char** own, const RunSettings& settings, const std::string& library);

// The variable that names a SuperProcess which begins with the calling process: its first program may have no shim, and
// then cannot name it to those that it starts.
std::string superprocess_name();

// `own` without anything of superproc.
std::vector<std::string> native_environment(char** own);

} // namespace sp::spctl
