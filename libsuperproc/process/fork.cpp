// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/fork.hpp"

#include <asm/prctl.h>
#include <csignal>
#include <ctime>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "libsuperproc/base/line.hpp"
#include "libsuperproc/base/robust_word.hpp"
#include "libsuperproc/base/shared_word.hpp"
#include "libsuperproc/cluster/accounts.hpp"
#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/attachments.hpp"
#include "libsuperproc/memory/copy_out.hpp"
#include "libsuperproc/memory/memory_table.hpp"
#include "libsuperproc/process/checkpoint.hpp"
#include "libsuperproc/process/placement.hpp"
#include "libsuperproc/process/remote_fork.hpp"
#include "libsuperproc/process/settled_memory.hpp"
#include "libsuperproc/process/shared_mapping.hpp"
#include "libsuperproc/process/stand_in.hpp"
#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/sync/sealing.hpp"
#include "libsuperproc/sync/stop_world.hpp"
#include "vfd/body.hpp"

namespace sp {

void (*native_again)() = nullptr;
void (*begun_anew)() = nullptr;
void (*holding)(bool holds) = nullptr;

namespace {

// In the fork table, which stays shared between parent and child until the child lets go.
struct ForkTable {
  std::atomic<uint32_t> hold; // futex word: kHeld | the child's tid (once it has one) | FUTEX_WAITERS, or released
  uint32_t reserved;
  memory::Descriptors segments;
  ForkRequest request; // copied here for the child: the requester's stack becomes private under it
};
ForkTable& fork_table() { return *reinterpret_cast<ForkTable*>(wire::kForkTable); }
const volatile uint32_t* hold_word() { return reinterpret_cast<const volatile uint32_t*>(&fork_table().hold); }
constexpr uint32_t kReleased = 0, kNoChildYet = FUTEX_TID_MASK;

uint64_t block_all_signals(uint64_t but = 0) {
  const uint64_t blocked = ~but;
  uint64_t before = 0;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, &before, sizeof blocked);
  return before;
}

// Of those that are ignored unless the program says otherwise: nobody sees them, and the kernel drops them when they are
// sent. But if the first thread blocks them it keeps them, for another thread, whose wait they would end. (Who blocks them
// by itself means to wait for them.)
uint64_t ignored_by_default() {
  uint64_t unseen = 0;
  for (const int signal : {SIGCHLD, SIGURG, SIGWINCH, SIGCONT})
    if (action_of(signal).handler <= address_of(SIG_IGN)) unseen |= signal_bit(signal);
  return unseen;
}

// The child is a process of its own with one thread.
void become_native() {
  auto& c = control();
  if (begun_anew) begun_anew(); // before it says who it is
  c.state.store(wire::SubProcessState::native);
  c.identity.pid = static_cast<int32_t>(sys::call(SYS_getpid));
  if (vfd::in_cluster()) (void)OpenAccount::find(c.identity.pid).close(); // of an earlier process with this number
  c.identity.home_node = home_of(c.identity.pid, c.identity.superprocess).value;
  node_private().host_pid = c.identity.pid;
  node_private().node = c.identity.home_node;
  restart_thread_table();
  shared_words = {};
  forget_stop();
  for (auto& node : c.nodes) node.host_pid.store(0), node.agent_tid.store(0), node.state.store(wire::NodeState::absent);
  c.nodes[c.identity.home_node].host_pid.store(c.identity.pid);
  arm_unless_sealed();
  if (vfd::in_cluster()) attach_missing_witnesses();
}

long fork_native(const CloneArguments& arguments, const Registers& caller) {
  before_fork();
  const long pid = app_call(SYS_clone, arguments.flags, 0, arguments.parent_tid, arguments.child_tid, arguments.tls);
  const int32_t asked = thread_self.place_next;
  thread_self.place_next = 0;
  if (pid != 0) return pid;
  become_native();
  begin_undecided(asked);
  if (!arguments.stack) return 0;
  Registers child = caller;
  child.rax = 0, child.rsp = arguments.stack;
  sp_continue(&child);
}

// Sleeps until the child has let go, or the kernel said in the word that it has called exec or died.
void wait_until_released(long pid) {
  constexpr int64_t kLookAgainNs = 20'000'000;
  for (uint32_t held; (held = fork_table().hold.load()) & FUTEX_TID_MASK;) {
    if (NodeBell::sleep(hold_word(), held, look_again_ns(kLookAgainNs)) != -ETIMEDOUT) continue;
    siginfo_t info{};
    const long seen = sys::call(SYS_waitid, P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL, 0);
    if (seen != 0 || info.si_pid == pid) return;
  }
}

// ---- the child's side of the hold ----

struct Hold {
  bool active;
  RobustWord word;
  uint64_t program_list, program_list_bytes; // what the program registered meanwhile
  int32_t timer;
};
constinit Hold hold{};

// From now on the kernel releases the parent when this process calls exec or dies, however that comes about.
void take_hold() {
  hold.word.hold(fork_table().hold);
  fork_table().hold.store(owned_by(static_cast<int32_t>(sys::call(SYS_gettid))));
}

void release_parent() {
  fork_table().hold.store(kReleased);
  NodeBell::wake(hold_word(), 1);
}

constexpr uint64_t kCopyMark = 0x7970636b726f6673;

// A few milliseconds in which most children call exec.
void start_timer() {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGSYS;
  event.sigev_value.sival_ptr = pointer_to<void>(kCopyMark);
  event._sigev_un._tid = static_cast<int>(sys::call(SYS_gettid));
  itimerspec soon{};
  soon.it_value.tv_nsec = 3'000'000;
  if (sys::call(SYS_timer_create, CLOCK_MONOTONIC, &event, &hold.timer) == 0 &&
      sys::call(SYS_timer_settime, hold.timer, 0, &soon, nullptr) == 0)
    return;
  finish_fork_copy();
}

// What a native process keeps of the control segment: who it is and what it was asked to do.
struct Kept {
  wire::Identity identity;
  wire::Options options;
  wire::CpuMask logical_cpus;
  wire::CpuMask node_cpus[kNodeCountMax];
  wire::Dispatch dispatch;
  char armed_because[sizeof wire::SubProcessControl::armed_because];
  uint32_t patched_sites;
  uint32_t placement_next;
  memory::MemoryTable memory;
  SignalTable signals;
};

Kept& kept_control() { return *pointer_to<Kept>(wire::kNodeScratch); }

void keep_control() {
  Kept& kept = kept_control();
  const auto& c = control();
  kept.identity = c.identity;
  kept.options = c.options;
  kept.logical_cpus = c.logical_cpus;
  for (uint32_t n = 0; n < kNodeCountMax; ++n) kept.node_cpus[n] = c.nodes[n].cpus;
  kept.dispatch = c.dispatch.load();
  __builtin_memcpy(kept.armed_because, c.armed_because, sizeof kept.armed_because);
  kept.patched_sites = c.patched_sites.load();
  kept.placement_next = c.placement_next.load();
  __builtin_memcpy(static_cast<void*>(&kept.memory), &memory::memory_table(), sizeof kept.memory);
  __builtin_memcpy(static_cast<void*>(&kept.signals), &signal_table(), sizeof kept.signals);
}

void renew_control() {
  const Kept& kept = kept_control();
  auto& c = control();
  constexpr int kFresh = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  constexpr uint64_t kEnd = wire::kControlBase + wire::kControlBytes, kAfter = wire::kForkTable + wire::kForkBytes;
  sys::call(SYS_mmap, wire::kControlBase, wire::kForkTable - wire::kControlBase, PROT_READ | PROT_WRITE, kFresh, -1, 0);
  sys::call(SYS_mmap, kAfter, kEnd - kAfter, PROT_READ | PROT_WRITE, kFresh, -1, 0);
  c.magic = wire::kControlMagic;
  c.version = wire::kControlVersion;
  c.bytes = sizeof(wire::SubProcessControl);
  c.identity = kept.identity;
  c.options = kept.options;
  c.logical_cpus = kept.logical_cpus;
  for (uint32_t n = 0; n < kNodeCountMax; ++n) c.nodes[n].cpus = kept.node_cpus[n];
  c.dispatch.store(kept.dispatch);
  __builtin_memcpy(c.armed_because, kept.armed_because, sizeof c.armed_because);
  c.patched_sites.store(kept.patched_sites);
  c.placement_next.store(kept.placement_next);
  memory::MemoryTable& table = memory::memory_table();
  table.break_start = kept.memory.break_start, table.break_end = kept.memory.break_end;
  table.break_limit = kept.memory.break_limit;
  signal_table().known = kept.signals.known;
  __builtin_memcpy(signal_table().actions, kept.signals.actions, sizeof kept.signals.actions);
}

[[noreturn]] void give_up(const Errno& error) {
  Line{} << "superproc: a fork's child cannot copy its memory (errno " << error.value << "); raise the memory limit";
  release_parent();
  for (;;) sys::call(SYS_exit_group, 125);
}

void copy_or_give_up(void*) {
  if (const Result<> done = memory::copy_the_rest(); !done) give_up(done.error());
}

} // namespace

// The child of a converted process, on home's private fork stack, with the requester's thread-local storage.
extern "C" void sp_fork_child(Registers* registers) {
  const ForkRequest request = fork_table().request;
  const memory::Descriptors segments = fork_table().segments;
  constexpr uint64_t kSmallBytes = 1 << 20; // copied sooner than a timer would be worth it
  const bool small = memory::bytes_in(segments) <= kSmallBytes;
  const Result<> done = memory::make_private(segments, small ? memory::Copy::now : memory::Copy::later);
  memory::close_segments(segments);
  if (!done) give_up(done.error());
  if (vfd::in_cluster()) memory::inherit_shared_pages();
  // From here on nothing of the parent's can be seen to change; its control segment is ours to leave.
  keep_control();
  registers->rax = 0;
  take_hold();
  renew_control();
  hold.active = true;
  critical_state = {};
  thread_self = {};
  become_native();
  thread_self.record->flags.store(request.sigsys_blocked);
  if (request.flags & CLONE_CHILD_SETTID) *pointer_to<int32_t>(request.child_tid) = control().identity.pid;
  if (request.flags & CLONE_CHILD_CLEARTID) sys::call(SYS_set_tid_address, request.child_tid);
  give_back_actions();
  if (native_again) native_again();
  if (request.signal_stack_set) sys::call(SYS_sigaltstack, request.signal_stack, nullptr);
  sys::call(SYS_sched_setaffinity, 0, sizeof request.affinity, &request.affinity);
  if (holding) holding(true);
  if (small)
    finish_fork_copy();
  else
    start_timer();
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &request.mask, nullptr, sizeof request.mask);
}

void finish_fork_copy() {
  if (!hold.active) return;
  hold.active = false;
  const uint64_t before = block_all_signals();
  constexpr uint64_t kStackTop = wire::kNodeAgent + wire::kNodeServiceBytes - 64; // there is no agent here
  sp_call_on_stack(copy_or_give_up, nullptr, kStackTop);
  release_parent();
  sys::call(SYS_timer_delete, hold.timer);
  sys::call(SYS_set_robust_list, hold.program_list, hold.program_list_bytes ? hold.program_list_bytes : 24);
  constexpr int kFresh = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  sys::call(SYS_mmap, wire::kForkTable, wire::kForkBytes, PROT_READ | PROT_WRITE, kFresh, -1, 0);
  forget_stand_ins(); // their memory was lent as well
  if (holding) holding(false);
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
}

bool is_copy_signal(const siginfo_t* info) {
  return info->si_code == SI_TIMER && address_of(info->si_value.sival_ptr) == kCopyMark;
}

long set_robust_list(uint64_t list, uint64_t bytes) {
  if (!hold.active) return app_call(SYS_set_robust_list, list, bytes);
  hold.program_list = list, hold.program_list_bytes = bytes;
  return 0;
}

long fork_for(const ForkRequest& request) {
  ForkTable& table = fork_table();
  table.request = request;
  table.hold.store(kNoChildYet);
  if (const Result<> opened = memory::open_segments(table.segments); !opened) return -opened.error().value;
  constexpr uint64_t kStackTop = wire::kNodeForkChild + wire::kNodeServiceBytes - 64;
  // The kernel would write the child's number while the child's memory is still the parent's.
  constexpr uint64_t kChildTid = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
  const long pid =
      sp_fork_call(request.flags & ~kChildTid, request.registers, kStackTop, request.child_tid, request.tls);
  if (pid > 0) wait_until_released(pid);
  memory::close_segments(table.segments);
  return pid;
}

long fork_process(const CloneArguments& arguments, const Registers& caller, uint64_t mask) {
  node_record(this_node()).forks.fetch_add(1, std::memory_order_relaxed);
  if (!is_shared()) return fork_native(arguments, caller);
  const uint64_t before = block_all_signals(ignored_by_default() & ~mask);
  long pid;
  {
    Registers child = caller;
    child.rax = 0;
    if (arguments.stack) child.rsp = arguments.stack;
    ForkRequest request{arguments.flags, &child, arguments.child_tid, arguments.tls, mask, 0, 1, {}, {}};
    if (!(request.flags & CLONE_SETTLS)) {
      request.flags |= CLONE_SETTLS;
      sys::call(SYS_arch_prctl, ARCH_GET_FS, &request.tls);
    }
    request.flags &= ~uint64_t{CLONE_PARENT_SETTID};
    request.sigsys_blocked = thread_self.record->flags.load() & wire::kThreadSigsysBlocked;
    sys::call(SYS_sigaltstack, nullptr, request.signal_stack);
    request.affinity = control().logical_cpus;
    if (thread_self.record->flags.load() & wire::kThreadAffinitySet)
      sys::call(SYS_sched_getaffinity, 0, sizeof request.affinity, &request.affinity);
    const bool ready = at_home() || ready_to_fork_at_home();
    WorldStopped stopped;
    pid = !ready ? -EAGAIN : at_home() ? fork_for(request) : fork_at_home(request);
  }
  if (pid > 0 && (arguments.flags & CLONE_PARENT_SETTID))
    *pointer_to<int32_t>(arguments.parent_tid) = static_cast<int32_t>(pid);
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  return pid;
}

namespace {

// In the child, before anything of the program runs.
void become_body(uint32_t record) {
  hold_spaces_as_child();
  const long begun = vfd::begin_as_child(record, vfd::membership.record);
  vfd::membership.record = record;
  if (sys::failed(begun)) sys::call(SYS_exit_group, vfd::kNotBegun);
  if (sys::failed(hold_settled_memory())) unsettle();
}

} // namespace

// The parent waits, so that the child has the descriptors of this moment; with CLONE_VFORK it sleeps in clone already.
long fork_body(const CloneArguments& arguments, const Registers& caller, uint64_t mask) {
  const vfd::ChildRecord record = vfd::claim_for_child();
  if (record.index == vfd::kNoRecord) return -EAGAIN;
  const uint64_t before = block_all_signals(ignored_by_default() & ~mask);
  const long pid = app_call(SYS_clone, arguments.flags, 0, arguments.parent_tid, arguments.child_tid, arguments.tls);
  if (pid == 0) {
    become_native();
    become_body(record.index);
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, sizeof mask);
    if (!arguments.stack) return 0;
    Registers child = caller;
    child.rax = 0, child.rsp = arguments.stack;
    sp_continue(&child);
  }
  const long result = vfd::await_child(record, pid);
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  return result;
}

} // namespace sp
