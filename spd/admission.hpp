// SPDX-License-Identifier: Apache-2.0
// What a shadow does for whoever writes into its ring: calls about files, sockets, IPC and relatives, as their rows in
// syscalls.def describe them. A request is input: it may name no memory but the cluster's, or a process of the body's node
// could read and write this one; and it may make no call that concerns the shadow's own process, like mmap or execve.
#pragma once
#include "spd/performers.hpp"

namespace sp::spd {

// 0, or -errno: it is not performed.
long admit(const CallWords& call);

// The whole stretch is memory of the cluster.
bool in_segment(uint64_t address, uint64_t bytes);

} // namespace sp::spd
