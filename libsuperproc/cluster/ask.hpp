// SPDX-License-Identifier: Apache-2.0
// Requests between the residents of a SubProcess. Each node has a queue in the control segment: a ring from every other
// node and one doorbell (gnttab-shm/ring.hpp has the protocol, deaths included). Threads ask; the node's agent takes.
#pragma once
#include "gnttab-shm/event_channel.hpp"
#include "gnttab-shm/node_link.hpp"
#include "libsuperproc/base/ensure.hpp"
#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/operation.hpp"
#include "libsuperproc/cluster/self.hpp"

namespace sp {

// Asks `node` and waits for its answer, which may be a negative errno. It comes soon: the program's handlers are put off
// until then, so that none can leave by siglongjmp and the answer with nobody to take it.
long ask_node(NodeId node, const Request& request);
// The same where the answer may be long in coming: signals are handled during the wait and do not end it.
long ask_node_and_wait(NodeId node, const Request& request);

template <class... A>
long ask(NodeId node, Operation operation, A... arguments) {
  static_assert(sizeof...(A) <= wire::kSlotArgumentCount);
  return ask_node(node,
                  Request{static_cast<uint32_t>(operation), 0, 0, {static_cast<uint64_t>(sys::arg(arguments))...}});
}

// The same call by the agents of all other nodes, so that their kernels follow. The first failure is returned.
long ask_others_to_call(long number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0, uint64_t d = 0, uint64_t e = 0,
                        uint64_t f = 0);

// ---- the agent's side ----
struct Received {
  NodeId source;
  TakenRequest taken;
};
void format_queues();
Received receive(NodeId self); // waits
void answer(NodeId self, const Received& received, long result);

} // namespace sp
