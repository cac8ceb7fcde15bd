// SPDX-License-Identifier: Apache-2.0
// Isolated nodes for one program: `spctl run --isolate`.
#pragma once
#include <string>
#include <vector>

#include "spctl/message.hpp"
#include "spctl/run_settings.hpp"

namespace sp::spctl {

// Starts the nodes, and on the first of them `file`. Returns what the program ends with, as wait4 says it.
tl::expected<int, Refusal> run_isolated(const RunSettings& settings, const std::string& file,
                                        const std::vector<std::string>& command,
                                        const std::vector<std::string>& environment);

// Ends this process as the program ended.
[[noreturn]] void end_as(int wait_status);

} // namespace sp::spctl
