// SPDX-License-Identifier: Apache-2.0
// Where clusters that last are written down: a folder of this user alone, $XDG_RUNTIME_DIR/superproc, else
// /tmp/superproc-UID. Its files are named like the clusters.
#pragma once
#include <string>
#include <tl/expected.hpp>

#include "spctl/message.hpp"

namespace sp::spctl {

inline constexpr const char* kClusterNameDefault = "default";

std::string runtime_folder();

// An error if somebody else could write there. True: it exists.
tl::expected<bool, Refusal> check_runtime_folder();
tl::expected<void, Refusal> make_runtime_folder();

// A word of letters, digits and . _ -, at most 31, not beginning with a dot or a dash.
bool is_cluster_name(const std::string& name);

} // namespace sp::spctl
