// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/away.hpp"

#include <sys/mman.h>

#include "libsuperproc/base/peek.hpp"
#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/process/stand_in.hpp"
#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/signal/routing.hpp"
#include "libsuperproc/syscalls/arguments.hpp"
#include "libsuperproc/syscalls/dispatch.hpp"
#include "libsuperproc/syscalls/interest.hpp"
#include "libsuperproc/syscalls/table.hpp"

namespace sp {

namespace {

bool is_home_family(Family family) {
  return family == Family::files || family == Family::network || family == Family::ipc || family == Family::other ||
         family == Family::tracing;
}

bool names_descriptor(const SyscallRow& row) {
  const Arguments& arguments = *find_arguments(row.number);
  if (arguments.result == ArgumentKind::fd) return true;
  for (uint32_t i = 0; i < arguments.count; ++i)
    if (arguments.at[i].kind == ArgumentKind::fd || arguments.at[i].kind == ArgumentKind::dirfd ||
        arguments.at[i].kind == ArgumentKind::path)
      return true;
  return false;
}

// Where the row does not tell.
bool is_home_s(uint32_t number) {
  switch (number) {
    case SYS_wait4:
    case SYS_waitid:
    case SYS_ppoll: // their rows are about signals
    case SYS_pselect6:
    case SYS_kill:
    case SYS_rt_sigqueueinfo:
    case SYS_pidfd_send_signal:
    case SYS_getppid:
    case SYS_getpgrp:
    case SYS_getpgid:
    case SYS_setpgid:
    case SYS_getsid:
    case SYS_setsid:
    case SYS_unshare:
    case SYS_kcmp:
    case SYS_shmget:
    case SYS_shmctl:
    case SYS_process_vm_readv:
    case SYS_process_vm_writev: return true;
    default: return false;
  }
}
bool is_thread_s(uint32_t number) {
  switch (number) {
    case SYS_getrandom:
    case SYS_personality:
    case SYS_set_thread_area:
    case SYS_get_thread_area:
    case SYS_execve:
    case SYS_execveat:
    case SYS_mmap: return true;
    default: return false;
  }
}

bool goes_home(const SyscallRow& row) {
  if (row.route == Route::refused || is_thread_s(row.number)) return false;
  return is_home_family(row.family) || is_home_s(row.number) || names_descriptor(row);
}

constinit uint64_t home_calls[kInterestCount / 64] = {};
bool is_home_call(uint64_t number) { return home_calls[number / 64] >> (number % 64) & 1; }

long at_home(const Call& call) {
  uint64_t a[6];
  for (int i = 0; i < 6; ++i) a[i] = call.arg(i);
  return perform_at_home(call.number(), a, nullptr);
}

// A wait with a mask of signals, whose address is `given`, in the place of argument i.
long wait_at_home(const Call& call, int i, uint64_t given) {
  uint64_t a[6];
  for (int n = 0; n < 6; ++n) a[n] = n == i ? 0 : call.arg(n);
  if (!given) return perform_at_home(call.number(), a, nullptr);
  if (!sp_can_read(pointer_to<void>(given), sizeof(uint64_t))) return -EFAULT;
  const uint64_t mask = without_sigsys(*pointer_to<const uint64_t>(given));
  const Accepting accepting(~mask);
  return perform_at_home(call.number(), a, &mask);
}

// Its mask comes in a structure.
long select_at_home(const Call& call) {
  const auto* const given = call.pointer<const uint64_t>(5);
  if (given && !sp_can_read(given, 2 * sizeof *given)) return -EFAULT;
  return wait_at_home(call, 5, given ? *given : 0);
}

long send_from_home(const Call& call) {
  const long result = at_home(call);
  const bool to_us = call.number_arg(0) == control().identity.pid || call.number_arg(0) <= 0;
  if (result == 0 && to_us && call.number_arg(1) > 0) sent_to_process(call.number_arg(1));
  return result;
}

bool names_thread(const SyscallRow& row) {
  const Arguments& arguments = *find_arguments(row.number);
  return arguments.count && arguments.at[0].kind == ArgumentKind::tid && row.number != SYS_tkill;
}

// Of this SubProcess, on another node than this.
std::optional<long> about_thread(Call& call) {
  const SyscallRow* row = find_syscall(call.number());
  const bool by_who = call.number() == SYS_getpriority || call.number() == SYS_setpriority;
  const auto tid = call.number_arg(by_who ? 1 : 0);
  if (!row || !(by_who ? call.arg(0) == 0 : names_thread(*row)) || tid <= 0 || tid == thread_self.tid)
    return std::nullopt;
  const wire::ThreadRecord* thread = find_thread(tid);
  if (!thread || thread->node.load() == this_node().value) return std::nullopt;
  if (call.number() == SYS_sched_setaffinity || call.number() == SYS_sched_getaffinity) return std::nullopt;
  return ask({thread->node.load()}, Operation::kernel_call, call.number(), call.arg(0), call.arg(1), call.arg(2),
             call.arg(3), call.arg(4), call.arg(5));
}

long perform_for_stand_in(long number, const uint64_t* a) {
  Registers registers{};
  registers.rax = static_cast<uint64_t>(number);
  registers.rdi = a[0], registers.rsi = a[1], registers.rdx = a[2];
  registers.r10 = a[3], registers.r8 = a[4], registers.r9 = a[5];
  Call call{registers, nullptr};
  return dispatch(call);
}

} // namespace

void watch_calls_from_away() {
  perform_as_home = perform_for_stand_in;
  for (const int number : {SYS_getpriority, SYS_setpriority}) sp_interest[number].bits |= kInterestAway;
  for (const SyscallRow& row : syscall_rows()) {
    if (names_thread(row)) sp_interest[row.number].bits |= kInterestAway;
    if (!goes_home(row)) continue;
    home_calls[row.number / 64] |= 1ull << (row.number % 64);
    sp_interest[row.number].bits |= kInterestAway;
  }
}

std::optional<long> perform_elsewhere(Call& call) {
  if (const std::optional<long> there = about_thread(call)) return there;
  if (sp::at_home()) return std::nullopt;
  if (call.number() == SYS_mmap && !(call.arg(3) & MAP_ANONYMOUS)) return at_home(call);
  if (!is_home_call(static_cast<uint64_t>(call.number()))) return std::nullopt;
  switch (call.number()) {
    case SYS_ppoll: return wait_at_home(call, 3, call.arg(3));
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2: return wait_at_home(call, 4, call.arg(4));
    case SYS_pselect6: return select_at_home(call);
    case SYS_kill:
    case SYS_rt_sigqueueinfo: return send_from_home(call);
    default: return at_home(call);
  }
}

} // namespace sp
