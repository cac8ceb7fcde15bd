// SPDX-License-Identifier: Apache-2.0
// The namespaces of isolated nodes.
#pragma once
#include <cstdint>

#include "libsuperproc/base/ids.hpp"

namespace sp::spctl {

// For an ordinary user: a user namespace of his own, in which he may make the others. errno says why not.
bool enter_user_namespace();

// For the program: gives up what the user namespace lends.
void drop_privileges();

// For clone3: what each node has of its own. The first one shares the launcher's network.
uint64_t namespaces_of(NodeId node);

} // namespace sp::spctl
