// SPDX-License-Identifier: Apache-2.0
// Calls that must run in the home process and may block there: waiting for children, vfork. A thread of another node asks
// home's agent, which starts a proxy thread for the call; the proxy answers and ends. Memory is shared, so pointers pass.
//
// A signal that reaches the asking thread runs its handler there at once; the call at home goes on. Proxies are few
// (kNodeProxyCount); when all are busy the asking thread tries again after a while.
#pragma once
#include "libsuperproc/cluster/ask.hpp"

namespace sp {

// From any node but home: the call's result.
long call_at_home(long number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0, uint64_t d = 0, uint64_t e = 0,
                  uint64_t f = 0);
// clone without CLONE_THREAD, whose child is home's child and runs on the caller's memory with `mask`.
long clone_at_home(uint64_t flags, uint64_t frame, uint64_t parent_tid, uint64_t child_tid, uint64_t tls,
                   uint64_t mask);

// execve in the home process, which ends every other thread there, home's agent included. Returns only if it fails. The
// new program inherits `mask`, and the signals `pending` for the calling thread.
long exec_at_home(uint64_t path, uint64_t arguments, uint64_t environment, uint64_t mask, uint64_t pending);

// In home's agent: false when every proxy is busy.
bool start_proxy(NodeId self, const Received& received);

} // namespace sp
