// SPDX-License-Identifier: Apache-2.0
// Who and where the calling code is: its SubProcess's control segment, the resident it runs in, its thread's record.
#pragma once
#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/control_tables.hpp"

namespace sp {

inline wire::SubProcessControl& control() { return *reinterpret_cast<wire::SubProcessControl*>(wire::kControlBase); }
inline wire::NodePrivate& node_private() { return *reinterpret_cast<wire::NodePrivate*>(wire::kNodeBase); }

inline NodeId this_node() { return {node_private().node}; }
inline NodeId home_node() { return {control().identity.home_node}; }
inline bool at_home() { return this_node() == home_node(); }
// Each node is as if a kernel of its own: no descriptor, number or futex of one means anything on another.
inline bool is_isolated() { return control().options.flags & wire::kOptionIsolated; }
inline uint32_t node_count() { return control().options.node_count; }
inline wire::NodeRecord& node_record(NodeId n) { return control().nodes[n.value]; }

// Also while it ends: until the very end its threads go on, and none of them may take it for native and convert it again.
inline bool is_shared() { return control().state.load(std::memory_order_relaxed) >= wire::SubProcessState::shared; }

enum class Borrower : uint32_t {
  none,
  alone,     // vfork: the thread itself sleeps until its child has called exec
  alongside, // clone with CLONE_VM only: told apart by their tids
};

// What a thread of the program keeps for itself. Service threads (agent, reaper, proxies) have storage of their own with
// record == nullptr.
struct ThreadSelf {
  wire::ThreadRecord* record;
  // The thread has started a process that borrows its memory, this variable included: the child's calls go straight to
  // the kernel.
  Borrower borrower;
  uint32_t borrower_record; // the record (vfd/body.hpp) of a child that borrows this thread, + 1; 0: there is none
  int32_t place_next;       // sp_place_next: node + 1, 0: by policy
  int32_t tid;              // of the thread itself, also while it ends; a borrower has another
};
extern thread_local constinit ThreadSelf thread_self;

// Is the caller a process that borrows this memory (vfork), and not a thread of ours?
inline bool is_borrower() {
  switch (thread_self.borrower) {
    case Borrower::none: return false;
    case Borrower::alone: return true;
    case Borrower::alongside: return sys::call(SYS_gettid) != thread_self.tid;
  }
  return false;
}

// The calling thread's number, mostly without asking the kernel.
inline HostTid own_tid() {
  return {thread_self.tid != 0 && !is_borrower() ? thread_self.tid : static_cast<int32_t>(sys::call(SYS_gettid))};
}

// Nodes other than this one that have a resident.
template <class Function>
inline void for_other_nodes(Function f) {
  for (uint32_t n = 0; n < node_count(); ++n)
    if (NodeId{n} != this_node()) f(NodeId{n});
}

} // namespace sp
