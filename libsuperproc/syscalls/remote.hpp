// SPDX-License-Identifier: Apache-2.0
// A moved SubProcess's calls that concern what its shadow has: descriptors, relatives, the terminal.
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"
#include "vfd/body.hpp"

namespace sp {

// Nothing: the call is this node's.
std::optional<long> perform_remotely(Call& call);

// Dispatch must see all calls for which perform_remotely() may have an answer.
void watch_remote_calls();

// The number of its parent, as the program knows it.
long parent_of_body();

} // namespace sp
