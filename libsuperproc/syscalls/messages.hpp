// SPDX-License-Identifier: Apache-2.0
// sendmsg, recvmsg and their plural forms, where the socket is the shadow's or descriptors of two nodes are passed.
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"

namespace sp {

// Nothing: it is this node's alone.
std::optional<long> message_of_two_nodes(const Call& call);

// In a SubProcess of the cluster that has not moved.
std::optional<long> message_of_cluster(const Call& call);

} // namespace sp
