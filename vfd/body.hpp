// SPDX-License-Identifier: Apache-2.0
// Is this process one of an isolated cluster, on which node, and does it have a shadow elsewhere (wire/cluster.hpp)?
#pragma once
#include "libsuperproc/cluster/node_mesh.hpp"
#include "libsuperproc/cluster/self.hpp"

namespace sp::vfd {

inline constexpr uint32_t kNoRecord = ~0u;

struct Membership {
  bool attached;   // the cluster segment is mapped
  NodeId node;     // where this process runs
  uint32_t record; // of the SubProcess, if it has moved; kNoRecord: it has not
};
extern constinit Membership membership;

inline bool in_cluster() { return membership.attached; }
inline bool is_body() { return membership.record != kNoRecord; }
// The calling process's, also while it borrows its parent's memory.
inline uint32_t own_record() {
  return thread_self.borrower_record ? thread_self.borrower_record - 1 : membership.record;
}
inline wire::Moved& record() { return wire::moved(own_record()); }

// At the start of a program: maps the segment of the cluster that the environment speaks of (`moved`: the value of
// kEnvMoved or null). A body waits for its shadow and takes the places of its descriptors.
// False: it is a body, but the cluster's memory is out of its reach (it has become another user).
bool attach(const char* moved);

// In a fork's child that goes on on another node, when all of it is there: it is this record's body from now on. False:
// its shadow is gone.
bool arrive(uint32_t record);

// A free record, claimed and formatted for a body on `body_node` whose shadow will be on `shadow_node`; kNoRecord: none.
uint32_t claim_record(NodeId body_node, NodeId shadow_node);

// A record for a body's child, which will run beside it; `use` tells it from later ones. kNoRecord: none.
struct ChildRecord {
  uint32_t index;
  uint32_t use;
};
ChildRecord claim_for_child();
// In the child: it gets a shadow of its own, forked from that of `parent`. 0 or -errno: it shall end with kNotBegun.
long begin_as_child(uint32_t record, uint32_t parent);
inline constexpr int kNotBegun = 125;
// In the parent, until the child has it. `pid` is what fork returned, the result what it shall return. A child that was
// killed before it had a shadow leaves its record to its parent.
long await_child(ChildRecord child, long pid);

// A child of this body has been waited for: natively what its end undoes has been undone by then (wire::Undoes).
void await_undone(long child);

} // namespace sp::vfd
