// SPDX-License-Identifier: Apache-2.0
// `spctl run --summary FILE`: spctl stays as the program's parent, reads its control segment while it runs, and writes
// what it saw as JSON when the program has ended. The segment is gone with the program, so the last sample counts:
// figures may lag by kSampleMs.
#pragma once
#include <functional>
#include <string>

namespace sp::spctl {

inline constexpr int kSampleMs = 5;

// `exec` runs in the child and returns only an exit status for a failure. Ends as the program ends: with its status, or
// by the same signal.
int run_with_summary(const std::string& path, const std::function<int()>& exec);

} // namespace sp::spctl
