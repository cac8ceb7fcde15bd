// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/residents.hpp"

#include <asm/prctl.h>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/robust_word.hpp"
#include "libsuperproc/cluster/accounts.hpp"
#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/cluster/cluster_memory.hpp"
#include "libsuperproc/cluster/pool.hpp"
#include "libsuperproc/memory/copy_in.hpp"
#include "libsuperproc/memory/file_elsewhere.hpp"
#include "libsuperproc/memory/memory_table.hpp"
#include "libsuperproc/memory/proc_maps.hpp"
#include "libsuperproc/process/checkpoint.hpp"
#include "libsuperproc/process/cpu_timers.hpp"
#include "libsuperproc/process/process_table.hpp"
#include "libsuperproc/process/service_thread.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/sync/deadline.hpp"
#include "libsuperproc/sync/waiter_hash.hpp"
#include "vfd/body.hpp"
#include "vpid/lease.hpp"

namespace sp {

void (*become_agent)(NodeId node) = nullptr;

namespace {

// What home's process has and the kernel of another node must be told.
struct Belongings {
  KernelAction actions[kSignalCount + 1];
  char name[16];
};
Belongings& belongings() { return *reinterpret_cast<Belongings*>(wire::kProcessTable + 96 * 1024); }

void note_belongings() {
  for (int signal = 1; signal <= kSignalCount; ++signal)
    sys::call(SYS_rt_sigaction, signal, nullptr, &belongings().actions[signal], sizeof(uint64_t));
  sys::call(SYS_prctl, PR_GET_NAME, belongings().name);
}

void take_on_belongings() {
  for (int signal = 1; signal <= kSignalCount; ++signal) install_action(signal, belongings().actions[signal]);
  sys::call(SYS_prctl, PR_SET_NAME, belongings().name);
}

// ---- the words ----

std::atomic<uint32_t>& word_of(NodeId node) {
  return wire::cluster().spaces[memory::memory_table().space].residents[node.value];
}
const volatile uint32_t* raw(const std::atomic<uint32_t>& word) {
  return reinterpret_cast<const volatile uint32_t*>(&word);
}
bool has_ended(NodeId node) { return word_of(node).load() & wire::kResidentEnded; }

// The kernel wakes one who sleeps on a word that it marks; that one wakes the others. Over boards it wakes nobody.
int64_t look_again_ns() {
  constexpr int64_t kWithFutexNs = 1'000'000'000, kWithBoardNs = 10'000'000;
  return own_board.board ? kWithBoardNs : kWithFutexNs;
}
void wake_all(NodeId node) { NodeBell::wake(raw(word_of(node)), 1 << 30); }

void watch_home(void*) {
  const std::atomic<uint32_t>& word = word_of(home_node());
  while (!has_ended(home_node())) {
    const uint32_t seen = word.load();
    if (!(seen & wire::kResidentEnded)) NodeBell::sleep(raw(word), seen, look_again_ns());
  }
  wake_all(home_node());
  for (;;) sys::call(SYS_kill, sys::call(SYS_getpid), SIGKILL);
}

// ---- a resident's beginning ----

// All memory is home's as well, and its core shows it; here the kernel would write out the arenas once more.
void leave_core_to_home() {
  const long file = sys::call(SYS_openat, AT_FDCWD, "/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC, 0);
  if (sys::failed(file)) return;
  sys::call(SYS_write, file, "0", 1);
  sys::call(SYS_close, file);
}

[[noreturn]] void live() {
  if (const long failed = have_board_of_keeper()) sys::call(SYS_exit_group, -failed);
  const auto pid = static_cast<int32_t>(sys::call(SYS_getpid));
  const NodeId node = vpid::node_of(pid);
  node_private() = {wire::kControlMagic, node.value, pid};
  sys::call(SYS_munmap, wire::kRestorerBase, wire::kRestorerBytes);
  take_on_belongings();
  leave_core_to_home();
  announce_life();
  if (!start_service_thread(wire::kNodeReaper, Descriptors::shared, watch_home, nullptr))
    sys::call(SYS_exit_group, EAGAIN);
  for (;;) become_agent(node);
}

// On the agent's stack, in a fresh region of the node's own. Until the thread pointer is set there is no thread-local
// storage.
[[noreturn]] void enter_resident(uint64_t thread_pointer) {
  *pointer_to<uint64_t>(thread_pointer) = thread_pointer;
  *pointer_to<uint64_t>(thread_pointer + 16) = thread_pointer;
  sys::call(SYS_arch_prctl, ARCH_SET_FS, thread_pointer);
  live();
}

long begin_on(NodeId node) {
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  const auto pid = ask_spd(home_node(), node, self, wire::NodeOperation::start_resident, memory::memory_table().space,
                           home_node().value, control().identity.pid);
  return pid ? static_cast<long>(*pid) : -pid.error().value;
}

} // namespace

const char* obstacle_to_residents() {
  for (uint32_t n = 0; n < bounded_node_count(); ++n) {
    const long pool = open_pool({n});
    if (sys::failed(pool)) return pool == -EISDIR ? "its nodes have no pools in common" : "it has become another user";
    sys::call(SYS_close, pool);
  }
  auto maps = memory::ProcMaps::read(pointer_to<char>(wire::kNodeScratch), wire::kNodeScratchBytes);
  if (!maps) return "its mappings cannot be read";
  for (memory::Mapping m; maps->next(m);) {
    const bool is_named = m.kind == memory::MappingKind::file || m.is_shared;
    const bool is_cluster = m.start >= wire::kClusterBase && m.end <= wire::kClusterBase + wire::kClusterBytes;
    if (is_named && !is_cluster && !memory::is_converted(m) && !memory::is_reachable(m.name, m.inode))
      return "it maps memory or a file shared that has no path on the others";
  }
  return nullptr;
}

void announce_life() {
  std::atomic<uint32_t>& word = word_of(this_node());
  pointer_to<RobustWord>(wire::kNodeBase + 1024)->hold(word);
  word.store(owned_by(static_cast<int32_t>(sys::call(SYS_gettid))));
}

Result<> make_isolated_residents() {
  resident_has_ended = has_ended;
  note_belongings();
  announce_life();
  // As a call leaves it: the entry is a function.
  const Entry entry{address_of(enter_resident),
                    service_stack_top(wire::kNodeAgent) - 64 - 8,
                    {service_thread_pointer(wire::kNodeAgent), 0}};
  TRY_VOID(describe_resident(memory::memory_table().space, entry));
  long first_failure = 0;
  for_other_nodes([&](NodeId node) {
    if (const long pid = begin_on(node); pid < 0 && !first_failure) first_failure = pid;
  });
  if (first_failure) return fail(static_cast<int>(-first_failure));
  return {};
}

namespace {

std::atomic<uint32_t>& end_of(NodeId node) {
  return wire::cluster().spaces[memory::memory_table().space].ended[node.value];
}

// The spd of its node tells; if the node is gone, nobody does.
int status_of(NodeId node) {
  constexpr int64_t kPatienceNs = 1'000'000'000;
  if (end_of(node).load() == 0) NodeBell::sleep(raw(end_of(node)), 0, kPatienceNs);
  const uint32_t told = end_of(node).load();
  return told ? static_cast<int>(told & 0xffff) : SIGKILL;
}

} // namespace

bool any_resident_failed() {
  bool failed = false;
  for_other_nodes([&](NodeId node) { failed |= end_of(node).load() != 0; });
  return failed;
}

int await_isolated_death() {
  futex_waitv words[kNodeCountMax];
  for (;;) {
    uint32_t count = 0;
    NodeId ended = home_node();
    for_other_nodes([&](NodeId node) {
      const uint32_t seen = word_of(node).load();
      if (seen & wire::kResidentEnded) ended = node;
      words[count++] = {seen, address_of(&word_of(node)), FUTEX_32, 0};
    });
    if (ended != home_node()) return status_of(ended);
    if (own_board.board)
      NodeBell::sleep(pointer_to<const volatile uint32_t>(words[0].uaddr), static_cast<uint32_t>(words[0].val),
                      look_again_ns());
    else
      sys::call(SYS_futex_waitv, words, count, 0, nullptr, 0);
  }
}

namespace {
// No kernel tells home's parent of it. By whichever thread ends the process, whose stack the others may not see.
void account_for(NodeId node) {
  if (has_ended(node) || node_record(node).state.load() != wire::NodeState::running) return;
  const auto used_us = [node](CpuTime kind) {
    const long ns = ask(node, Operation::cpu_time, static_cast<uint64_t>(kind));
    return sys::failed(ns) ? 0 : static_cast<uint64_t>(ns / 1000);
  };
  const uint64_t user_us = used_us(CpuTime::user), all_us = used_us(CpuTime::user_and_system);
  Usage used;
  used.add(wire::kUsedUserUs, user_us);
  used.add(wire::kUsedSystemUs, all_us > user_us ? all_us - user_us : 0);
  OpenAccount::find_or_open(control().identity.pid).add(UsedBy::self, used);
}
} // namespace

void end_isolated_residents() {
  for_other_nodes(account_for);
  constexpr int64_t kPatienceNs = 2 * kSecondNs;
  word_of(this_node()).fetch_or(wire::kResidentEnded);
  wake_all(this_node());
  const Deadline until = Deadline::after(kPatienceNs);
  for_other_nodes([&until](NodeId node) {
    constexpr int64_t kLookNs = 10'000'000; // a dead node's daemon tells nobody
    while (!has_ended(node) && until.left_ns() != 0) {
      const uint32_t seen = word_of(node).load();
      if (seen == 0 || node_record(node).state.load() != wire::NodeState::running) return;
      if (!(seen & wire::kResidentEnded)) NodeBell::sleep(raw(word_of(node)), seen, kLookNs);
    }
    node_record(node).state.store(wire::NodeState::dead);
  });
}

} // namespace sp
