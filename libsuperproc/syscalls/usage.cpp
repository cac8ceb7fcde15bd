// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/usage.hpp"

#include <csignal>
#include <sys/times.h>
#include <sys/wait.h>

#include "libsuperproc/cluster/accounts.hpp"
#include "libsuperproc/cluster/find_moved.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "vfd/body.hpp"
#include "vfd/call_scope.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

int32_t own_pid() {
  return thread_self.borrower == Borrower::none ? control().identity.pid : static_cast<int32_t>(sys::call(SYS_getpid));
}

// In the program's memory, where the kernel has just written; null: it did not want to know.
void add_to(rusage* told, const Usage& more) {
  rusage sum;
  if (!told || !more.any() || !vfd::read_program(&sum, told, sizeof sum)) return;
  Usage all = usage_in(sum);
  all.add(more);
  put_usage(all, sum);
  (void)vfd::write_program(told, &sum, sizeof sum);
}

// Who kills a shadow from outside the cluster ends its body a moment later, which may do things until then.
void await_body(int32_t child) {
  constexpr int64_t kLookNs = 500'000;
  constexpr uint32_t kLooksMax = 2000;
  const wire::Moved* const m = find_moved(child, vfd::membership.node);
  const uint32_t use = m ? m->use.load() : 0;
  for (uint32_t looks = 0; m && looks < kLooksMax && m->use.load() == use; ++looks) {
    const auto state = m->state.load();
    if (state != wire::MovedState::settled && state != wire::MovedState::leaving) return;
    NodeBell::sleep(reinterpret_cast<const volatile uint32_t*>(&m->state), static_cast<uint32_t>(state), kLookNs);
  }
}

// Of a child of this process.
void has_ended(int32_t child, rusage* told) {
  const Usage used = OpenAccount::find(child).close();
  if (!used.any()) return;
  add_to(told, used);
  OpenAccount::find_or_open(own_pid()).add(UsedBy::children, used);
}

void complete_wait4(const Call& call, long child) {
  int status = 0; // without it, it is known that it has ended only if nothing else was waited for
  if (child <= 0 || (!call.arg(1) && call.arg(2) & (WUNTRACED | WCONTINUED))) return;
  if (call.arg(1) && !vfd::read_program(&status, call.pointer<void>(1), sizeof status)) return;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) await_body(static_cast<int32_t>(child));
  if (WIFEXITED(status) || WIFSIGNALED(status)) has_ended(static_cast<int32_t>(child), call.pointer<rusage>(3));
}

void complete_waitid(const Call& call, long result) {
  siginfo_t told{};
  if (result != 0 || !call.arg(2) || !vfd::read_program(&told, call.pointer<void>(2), sizeof told)) return;
  const bool ended = told.si_code == CLD_EXITED || told.si_code == CLD_KILLED || told.si_code == CLD_DUMPED;
  if (told.si_pid <= 0 || !ended) return;
  if (told.si_code == CLD_KILLED && told.si_status == SIGKILL) await_body(told.si_pid);
  if (!(call.arg(3) & WNOWAIT)) return has_ended(told.si_pid, call.pointer<rusage>(4));
  const OpenAccount account = OpenAccount::find(told.si_pid);
  add_to(call.pointer<rusage>(4), account.read(UsedBy::self));
  add_to(call.pointer<rusage>(4), account.read(UsedBy::children));
}

Usage used_elsewhere(UsedBy by) {
  Usage used = OpenAccount::find(own_pid()).read(by);
  if (!vfd::is_body()) return used;
  const vfd::CallScope scope;
  vfd::Transfer transfer;
  auto* const there = static_cast<rusage*>(transfer.take(sizeof(rusage)));
  if (vfd::shadow_call(SYS_getrusage, by == UsedBy::self ? RUSAGE_SELF : RUSAGE_CHILDREN, there) == 0)
    used.add(usage_in(*there));
  return used;
}

void complete_getrusage(const Call& call, long result) {
  const int who = call.number_arg(0);
  if (result == 0 && (who == RUSAGE_SELF || who == RUSAGE_CHILDREN))
    add_to(call.pointer<rusage>(1), used_elsewhere(who == RUSAGE_SELF ? UsedBy::self : UsedBy::children));
}

void complete_times(const Call& call, long result) {
  constexpr uint64_t kTickUs = 10'000;
  tms told{};
  if (sys::failed(result) || !call.arg(0) || !vfd::read_program(&told, call.pointer<void>(0), sizeof told)) return;
  const auto ticks = [](const Usage& used, uint32_t field) {
    return static_cast<clock_t>(used.fields[field] / kTickUs);
  };
  const Usage own = used_elsewhere(UsedBy::self), children = used_elsewhere(UsedBy::children);
  told.tms_utime += ticks(own, wire::kUsedUserUs), told.tms_stime += ticks(own, wire::kUsedSystemUs);
  told.tms_cutime += ticks(children, wire::kUsedUserUs), told.tms_cstime += ticks(children, wire::kUsedSystemUs);
  (void)vfd::write_program(call.pointer<void>(0), &told, sizeof told);
}

} // namespace

void complete_usage(const Call& call, long result) {
  switch (call.number()) {
    case SYS_wait4: return complete_wait4(call, result);
    case SYS_waitid: return complete_waitid(call, result);
    case SYS_getrusage: return complete_getrusage(call, result);
    case SYS_times: return complete_times(call, result);
    default: return;
  }
}

} // namespace sp
