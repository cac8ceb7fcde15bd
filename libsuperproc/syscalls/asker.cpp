// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/asker.hpp"

#include <cerrno>
#include <sys/ptrace.h>

#include "libsuperproc/base/all_blocked.hpp"
#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/cluster/credentials.hpp"
#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/syscalls/about_calls.hpp"
#include "libsuperproc/syscalls/about_others.hpp"
#include "libsuperproc/syscalls/interest.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

constexpr int kRefused[] = {SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev};

long at_home_s(long number, uint64_t a, uint64_t b, uint64_t c) {
  const AllBlocked blocked;
  if (vfd::is_body()) return vfd::shadow_call(number, a, b, c);
  if (!is_shared() || at_home()) return sys::call(number, a, b, c);
  return ask(home_node(), Operation::kernel_call, number, a, b, c);
}

Asker caller() {
  const NodeId node = is_shared() && is_isolated() && !at_home() ? this_node() : vfd::membership.node;
  return {node, control().identity.pid, own_tid().value, vfd::is_body(), read_credentials, at_home_s};
}

// The process that a call which is refused names; 0: none.
uint64_t named(const Call& call) {
  if (call.number() != SYS_ptrace) return call.arg(0);
  return call.arg(0) == PTRACE_ATTACH || call.arg(0) == PTRACE_SEIZE ? call.arg(1) : 0;
}

std::optional<long> refuse(const Call& call) {
  Registers registers{};
  registers.rax = SYS_sched_getscheduler;
  registers.rdi = named(call);
  if (registers.rdi == 0) return std::nullopt;
  const std::optional<long> elsewhere = ask_about(Call{registers, nullptr}, caller());
  if (!elsewhere || *elsewhere == -ESRCH) return std::nullopt;
  control().refused_by_number[call.number()].fetch_add(1, std::memory_order_relaxed);
  return -EPERM;
}

// tkill says nothing of the process.
bool is_own_thread(const Call& call) {
  return call.number() == SYS_tkill && is_shared() && find_thread(call.number_arg(0));
}

bool is_refused(long number) {
  for (const int one : kRefused)
    if (one == number) return true;
  return false;
}

} // namespace

bool is_about_others(long number) { return find_about_call(number) || is_refused(number); }

std::optional<long> about_others(const Call& call) {
  if (is_own_thread(call)) return std::nullopt;
  return is_refused(call.number()) ? refuse(call) : ask_about(call, caller());
}

std::optional<wire::Figures> figures_of(int32_t pid) { return ask_for_figures(pid, caller()); }

void watch_calls_about_others() {
  for (const AboutCall& row : kAboutCalls) sp_interest[row.number].bits |= kInterestRemote;
  for (const int number : kRefused) sp_interest[number].bits |= kInterestRemote;
}

} // namespace sp
