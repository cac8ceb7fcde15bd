// SPDX-License-Identifier: Apache-2.0
// `spctl run --cluster`: a program on the first node of a cluster that lasts.
#pragma once
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "spctl/message.hpp"

namespace sp::spctl {

// Returns what the program ends with, as wait4 says it.
tl::expected<int, Refusal> run_in_cluster(const std::string& name, const std::string& file,
                                          const std::vector<std::string>& command,
                                          const std::vector<std::string>& environment);

} // namespace sp::spctl
