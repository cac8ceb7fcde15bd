// SPDX-License-Identifier: Apache-2.0
// libsuperproc.so: where it is and whether it fits this spctl. It lies beside spctl (../lib, or ../lib/ARCH and ../lib64
// as distributions install it) unless SUPERPROC_LIBRARY names another.
#pragma once
#include <string>
#include <tl/expected.hpp>

#include "spctl/message.hpp"

namespace sp::spctl {

std::string own_folder(); // where spctl lies

// The library's absolute path, after all checks. LD_PRELOAD takes no path with a blank or a colon.
tl::expected<std::string, Refusal> find_library();

} // namespace sp::spctl
