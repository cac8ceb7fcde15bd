// SPDX-License-Identifier: Apache-2.0
// exec on another node. The program begins there under this process's number, and this process becomes its shadow
// (wire/cluster.hpp). Whatever speaks against it leaves everything as it was, and the program begins here.
#pragma once
#include "libsuperproc/cluster/node_mesh.hpp"
#include "libsuperproc/process/departing.hpp"

namespace sp {

// ---- for whoever moves, also without exec (process/remote_fork.hpp) ----

// Where by the cluster's placement the next process shall run.
NodeId choose_node_of_process();
// The caller is that record's SubProcess and will be its shadow: this node's daemon is asked to look after the body if the
// caller dies, the other node's to make it, both at once. Their answers, 0 or -errno, are each to be taken once whatever
// happens: until then they keep places in the rings.
class AskedBoth {
public:
  AskedBoth(uint32_t record, NodeId node, wire::NodeOperation make);
  long is_watched();
  long is_made();

private:
  Result<AskedSpd> watching_, making_;
};
// The body is there: this process is `leaving` ...
void leave(uint32_t record);
// ... and becomes its shadow, which is shown with these arguments.
[[noreturn]] void become_shadow(uint32_t record, const char* const* arguments);

// Returns only if the program does not move.
void move_if_it_should(const Departing& program);

// The same at the start of a program whose parent had no shim and could not choose a node for it: the program is begun
// again on the chosen node, before anything of it ran here.
void move_at_start(const char* const* arguments, const char* const* environment);

} // namespace sp
