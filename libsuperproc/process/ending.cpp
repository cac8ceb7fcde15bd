// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/ending.hpp"

#include <sys/wait.h>

#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/core_dump.hpp"
#include "libsuperproc/process/last_step.hpp"
#include "libsuperproc/process/process_table.hpp"
#include "libsuperproc/process/residents.hpp"
#include "libsuperproc/process/shared_futex.hpp"
#include "libsuperproc/process/stand_in.hpp"
#include "libsuperproc/process/summary.hpp"
#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/process/vfork.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/signal/routing.hpp"
#include "libsuperproc/sync/hashed_sleep.hpp"

namespace sp {

namespace {

void block_signals(uint64_t signals) { sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &signals, nullptr, sizeof signals); }
void block_all_signals() { block_signals(~0ull); }

[[noreturn]] void sleep_for_ever() {
  for (;;) sys::call(SYS_pause);
}

// One thread gets through.
void claim_ending() {
  process_table().ending_lock.acquire();
  control().state.store(wire::SubProcessState::dying);
}

void end_residents() {
  if (is_isolated()) return end_isolated_residents();
  for_other_nodes([](NodeId node) {
    const int32_t pid = node_record(node).host_pid.load();
    if (pid <= 0) return;
    sys::call(SYS_kill, pid, SIGKILL);
  });
  for_other_nodes([](NodeId node) {
    const int32_t pid = node_record(node).host_pid.load();
    int status = 0;
    if (pid > 0) sys::call(SYS_wait4, pid, &status, __WCLONE, 0);
    node_record(node).state.store(wire::NodeState::dead);
  });
}

constexpr uint64_t kFaults = signal_bit(SIGSEGV) | signal_bit(SIGBUS);

bool dumps_core(int signal) {
  constexpr uint64_t kDumping = signal_bit(SIGQUIT) | signal_bit(SIGILL) | signal_bit(SIGTRAP) | signal_bit(SIGABRT) |
                                signal_bit(SIGBUS) | signal_bit(SIGFPE) | signal_bit(SIGSEGV) | signal_bit(SIGXCPU) |
                                signal_bit(SIGXFSZ) | signal_bit(SIGSYS);
  return kDumping & signal_bit(signal);
}

// The kernel's default action, now, for the whole process at home.
[[noreturn]] void take_default_action(int signal) {
  install_action(signal, KernelAction{});
  const uint64_t only = ~signal_bit(signal);
  // To this thread: one for the process might be taken by the receiver first.
  sys::call(SYS_tgkill, sys::call(SYS_getpid), sys::call(SYS_gettid), signal);
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &only, nullptr, sizeof only);
  for (;;) sys::call(SYS_exit_group, 128 + signal);
}

} // namespace

[[noreturn]] void end_subprocess(int status) {
  block_all_signals();
  claim_ending();
  write_summary(status);
  end_residents();
  for (;;) sys::call(SYS_exit_group, status);
}

[[noreturn]] void end_subprocess_by_signal(int signal) {
  block_all_signals();
  claim_ending();
  end_residents();
  if (dumps_core(signal)) memory::limit_core_dump();
  take_default_action(signal);
}

[[noreturn]] void exit_subprocess(int status) {
  if (!is_shared()) {
    if (has_shared_futexes()) block_signals(~kFaults), end_left_waits(), release_robust_futexes();
    write_summary(status);
    for (;;) sys::call(SYS_exit_group, status);
  }
  if (at_home()) end_subprocess(status);
  block_all_signals();
  ask(home_node(), Operation::exit_group, status);
  sleep_for_ever();
}

void resident_died(int wait_status) {
  if (WIFSIGNALED(wait_status)) end_subprocess_by_signal(WTERMSIG(wait_status));
  end_subprocess(WEXITSTATUS(wait_status));
}

void die_by_signal_here(int signal, siginfo_t* info, ucontext_t*) {
  if (!is_shared() || is_borrower()) take_default_action(signal); // a borrower's death is its own
  if (!at_home()) {
    block_all_signals();
    ask(home_node(), Operation::die, signal);
    sleep_for_ever();
  }
  const bool fault = info->si_code > 0 && info->si_code != SI_KERNEL && signal != SIGSYS;
  if (!fault) end_subprocess_by_signal(signal);
  // Let it happen again with nobody else left, so that a core shows the place.
  claim_ending();
  end_residents();
  memory::limit_core_dump();
  install_action(signal, KernelAction{});
}

// All the rest is the kernel's; the table forgets the thread, so that no stop waits for it.
[[noreturn]] static void end_native_thread(wire::ThreadRecord& record, int code) {
  forget_vfork_stack();
  thread_self.record = nullptr;
  control().thread_count.fetch_sub(1);
  free_thread(record);
  sp_exit_thread(code);
}

[[noreturn]] void exit_thread(int code) {
  wire::ThreadRecord* record = thread_self.record;
  const bool hashed = record && is_hashed();
  const bool shares = has_shared_futexes();
  block_signals(hashed || shares ? ~kFaults : ~0ull); // the program's pointers are looked at
  if (shares) end_left_waits();
  if (hashed || shares) release_robust_futexes();
  if (!record) sp_exit_thread(code);
  if (!is_shared()) end_native_thread(*record, code);
  if (is_routed()) accept(0);
  if (record->tid.load() == control().identity.pid) process_table().leader_exit_code.store(code);
  forget_vfork_stack();
  dismiss_stand_ins();
  const Leaving leaving(*record);
  record->state.store(wire::ThreadState::exiting);
  free_thread(*record);
  thread_self.record = nullptr;
  if (control().thread_count.fetch_sub(1) == 1) exit_subprocess(process_table().leader_exit_code.load() & 0xff);
  if (leaving.clear_tid && hashed) take_last_step(leaving, code);
  if (leaving.clear_tid) sys::call(SYS_set_tid_address, leaving.clear_tid);
  sp_exit_thread(code);
}

} // namespace sp
