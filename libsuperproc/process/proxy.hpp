// SPDX-License-Identifier: Apache-2.0
// Calls that must run in the home process and may block there: waiting for children. A thread of another node asks
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

// In home's agent: false when every proxy is busy.
bool start_proxy(NodeId self, const Received& received);

} // namespace sp
