// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/clone.hpp"

#include <csignal>
#include <linux/sched.h>
#include <new>

#include "libsuperproc/base/critical.hpp"
#include "libsuperproc/base/line.hpp"
#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/process/all_processors.hpp"
#include "libsuperproc/process/conversion.hpp"
#include "libsuperproc/process/inheritance.hpp"
#include "libsuperproc/process/placement.hpp"
#include "libsuperproc/process/program_filters.hpp"
#include "libsuperproc/process/remote_fork.hpp"
#include "libsuperproc/process/stand_in.hpp"
#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/signal/routing.hpp"
#include "libsuperproc/sync/hashed_sleep.hpp"
#include "libsuperproc/sync/sealing.hpp"
#include "libsuperproc/sync/stop_world.hpp"
#include "vfd/body.hpp"

namespace sp {

namespace {

enum class Start : uint32_t { thread, borrower };

// What a child finds at its stack pointer.
struct ChildFrame {
  Registers registers; // first: the gate restores them from here
  Start start;
  uint32_t is_remote;
  wire::ThreadRecord* record;
  uint64_t mask;
  uint32_t record_flags;
  uint32_t reserved;
  Inheritance inheritance; // if it is remote
};

constexpr uint64_t kRedZoneBytes = 128;
constexpr uint32_t kInheritedFlags = wire::kThreadSigsysBlocked | wire::kThreadAffinitySet;

ChildFrame* place_frame(const CloneArguments& arguments, const Registers& caller) {
  const uint64_t stack = arguments.stack ? arguments.stack : caller.rsp;
  auto* frame = pointer_to<ChildFrame>((stack - kRedZoneBytes - sizeof(ChildFrame)) & ~63ull);
  frame->registers = caller;
  frame->registers.rax = 0;
  frame->registers.rsp = stack;
  return frame;
}

} // namespace

namespace {

long call_borrower(const CloneArguments& a, ChildFrame* frame, uint64_t mask) {
  if (is_shared() && !at_home())
    return clone_at_home(a.flags, address_of(frame), a.parent_tid, a.child_tid, a.tls, mask);
  return sp_clone_call(a.flags, address_of(frame), a.parent_tid, a.child_tid, a.tls);
}

// A thread that the program gave no thread-local storage would share its creator's, and ours in it. It gets zeros.
uint64_t spare_thread_pointer() {
  constexpr uint64_t kBelow = 64 << 10, kAbove = 4096;
  const long at = memory::map_for_shim(kBelow + kAbove);
  if (sys::failed(at)) return 0;
  const uint64_t tp = static_cast<uint64_t>(at) + kBelow;
  *pointer_to<uint64_t>(tp) = tp;
  *pointer_to<uint64_t>(tp + 16) = tp;
  return tp;
}

} // namespace

// The child, on its own stack, before it goes on with the program. Everything it needs is in the frame.
extern "C" void sp_child_start(ChildFrame* frame) {
  if (frame->start == Start::borrower) { // its memory and thread-local storage are its parent's
    if (thread_self.borrower_record && sys::failed(vfd::begin_as_child(vfd::own_record(), vfd::membership.record)))
      sys::call(SYS_exit_group, vfd::kNotBegun);
    return;
  }
  wire::ThreadRecord* record = frame->record;
  const auto tid = static_cast<int32_t>(sys::call(SYS_gettid));
  thread_self = {.record = record, .borrower = Borrower::none, .borrower_record = 0, .place_next = 0, .tid = tid};
  critical_state = {};
  record->tid.store(tid);
  record->flags.store(frame->record_flags);
  node_record(this_node()).thread_started_count.fetch_add(1, std::memory_order_relaxed);
  arm_unless_sealed();
  record->state.store(wire::ThreadState::running);
  if (frame->is_remote) {
    take_on(frame->inheritance, 0);
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &frame->mask, nullptr, sizeof frame->mask);
  }
  if (is_routed()) accept(~frame->mask);
}

long clone_thread(const CloneArguments& arguments, const Registers& caller, uint64_t mask) {
  if (!is_shared()) decide(); // a child with threads is not about to call exec
  if (!is_shared() && node_count() > 1) convert_if_possible();
  const NodeId node = choose_node();
  const bool remote = node != this_node();
  const Critical not_stopped; // else a fork would wait for ever for the new thread, and we for the end of the fork
  auto record = allocate_thread(node);
  if (!record) return -record.error().value;
  ChildFrame* frame = place_frame(arguments, caller);
  frame->start = Start::thread;
  frame->is_remote = remote;
  frame->record = *record;
  frame->mask = mask;
  frame->record_flags = thread_self.record ? thread_self.record->flags.load() & kInheritedFlags : 0;
  (*record)->filters = own_filters();
  if (remote) frame->inheritance = own_inheritance();
  uint64_t flags = arguments.flags, tls = arguments.tls;
  if (!(flags & CLONE_SETTLS)) flags |= CLONE_SETTLS, tls = spare_thread_pointer();
  if ((node != home_node() || is_hashed()) && (flags & CLONE_CHILD_CLEARTID)) {
    // A joiner must not see the thread gone before the SubProcess knows why its resident died: exit_thread gives it back,
    // or does it itself where the joiner waits in the hash.
    (*record)->clear_tid = arguments.child_tid;
    flags &= ~uint64_t{CLONE_CHILD_CLEARTID};
  }
  const long tid = remote ? ask(node, Operation::clone_thread, address_of(frame), flags, arguments.parent_tid,
                                arguments.child_tid, tls)
                          : sp_clone_call(flags, address_of(frame), arguments.parent_tid, arguments.child_tid, tls);
  if (control().options.flags & wire::kOptionTrace)
    Line{} << "superproc: thread " << tid << " on node " << (vfd::is_body() ? vfd::membership.node : node).value;
  if (sys::failed(tid)) {
    control().thread_count.fetch_sub(1);
    free_thread(**record);
  }
  return tid;
}

long clone_borrower(const CloneArguments& arguments, const Registers& caller, uint64_t mask) {
  // With a stack of its own the child's frame is there; a vfork child has none and starts below us, on ours.
  alignas(64) uint8_t own_stack[2048];
  ChildFrame* frame = arguments.stack ? place_frame(arguments, caller)
                                      : new (own_stack + sizeof own_stack - (sizeof(ChildFrame) + 63) / 64 * 64)
                                            ChildFrame;
  frame->registers = caller;
  frame->registers.rax = 0;
  if (arguments.stack) frame->registers.rsp = arguments.stack;
  frame->start = Start::borrower;
  const bool alone = arguments.flags & CLONE_VFORK;
  vfd::ChildRecord record{vfd::kNoRecord, 0};
  if (vfd::is_body() && alone && !(arguments.flags & CLONE_FILES)) {
    record = vfd::claim_for_child();
    if (record.index == vfd::kNoRecord) return -EAGAIN;
    thread_self.borrower_record = record.index + 1;
  }
  const AllProcessors all;
  thread_self.borrower = alone ? Borrower::alone : Borrower::alongside;
  if (thread_self.record) thread_self.record->flags.fetch_or(wire::kThreadWaitsForVfork);
  long pid = call_borrower(arguments, frame, mask);
  if (alone) thread_self.borrower = Borrower::none, thread_self.borrower_record = 0;
  if (record.index != vfd::kNoRecord) pid = vfd::await_child(record, pid);
  if (thread_self.record) thread_self.record->flags.fetch_and(~wire::kThreadWaitsForVfork);
  stop_here(); // no signal could tell us meanwhile
  return pid;
}

} // namespace sp
