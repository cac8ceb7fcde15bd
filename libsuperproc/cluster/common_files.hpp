// SPDX-License-Identifier: Apache-2.0
// Which files have one name on all nodes: all of them, or, where nodes do not see a common tree (`--isolate=strict`,
// guests), those in the folders of the cluster's image, to be read.
#pragma once
#include "libsuperproc/wire/cluster.hpp"

namespace sp {

inline bool all_files_are_common() { return wire::cluster().image[0] == 0; }

// An absolute path; one with ".." in it is not looked into.
bool is_common_file(const char* path);

} // namespace sp
