// SPDX-License-Identifier: Apache-2.0
#include "shim/trap.hpp"

#include <csignal>

#include "libsuperproc/base/time_limit.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/fork.hpp"
#include "libsuperproc/process/stand_in.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/signal/delivery.hpp"
#include "libsuperproc/sync/sealing.hpp"
#include "libsuperproc/sync/stop_world.hpp"
#include "libsuperproc/syscalls/dispatch.hpp"
#include "shim/stubs.hpp"
#include "vfd/pending_call.hpp"

namespace sp::shim {

namespace {

constexpr int kSysUserDispatch = 2; // si_code, <asm-generic/siginfo.h>

Registers registers_of(const ucontext_t* context) {
  const greg_t* g = context->uc_mcontext.gregs;
  const auto reg = [g](int i) { return static_cast<uint64_t>(g[i]); };
  return {reg(REG_R15), reg(REG_R14), reg(REG_R13), reg(REG_R12), reg(REG_R11), reg(REG_R10),
          reg(REG_R9),  reg(REG_R8),  reg(REG_RDI), reg(REG_RSI), reg(REG_RBP), reg(REG_RBX),
          reg(REG_RDX), reg(REG_RCX), reg(REG_RAX), reg(REG_RIP), reg(REG_RSP)};
}

// A call that only our own signal interrupted begins again: the program shall not see EINTR because another thread forks.
// The thread is then right behind a `syscall` of the gate; were another handler entered first, it would be there. So is
// one that comes from dispatch, with a result that may well be EINTR (a page that is not there yet keeps it there).
void begin_again(ucontext_t* context) {
  greg_t* g = context->uc_mcontext.gregs;
  if (g[REG_RAX] != -EINTR || g[REG_R11] == 0) return;
  const auto rip = static_cast<uint64_t>(g[REG_RIP]);
  int64_t number = number_behind(rip);
  if (rip == address_of(sp_app_call_after) || rip == address_of(sp_entry_after) || rip == address_of(sp_futex_after))
    number = *pointer_to<const int64_t>(static_cast<uint64_t>(g[REG_RSP]));
  if (number < 0) return;
  g[REG_RAX] = number;
  g[REG_RIP] -= kSyscallBytes;
  count_down(number, context);
}

// A stand-in's call ends here, also if the kernel has set it up to begin again.
void end_call(ucontext_t* context) {
  greg_t* g = context->uc_mcontext.gregs;
  const uint64_t behind = static_cast<uint64_t>(g[REG_RIP]) + kSyscallBytes;
  if (behind != address_of(sp_app_call_after) && behind != address_of(sp_raw_call_after)) return;
  g[REG_RAX] = -EINTR;
  g[REG_RIP] += kSyscallBytes;
}

void stop(siginfo_t* info, ucontext_t* context) {
  if (critical_state.awaited) return; // it calls home, and looks for itself when it is back
  if (critical_state.depth) return put_off(SIGSYS, info, context);
  // The next stop may be asked for before this thread has run again. Its signal waits for our return, which sets the mask
  // back, or frame would come to lie on frame until the stack is full; and so do the program's, whose handlers would run
  // while the world is stopped.
  const uint64_t all = ~0ull;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all);
  stop_here();
  begin_again(context);
}

void copy_for_fork(ucontext_t* context) {
  finish_fork_copy();
  begin_again(context);
}

void on_sigsys(int, siginfo_t* info, void* ucontext) {
  auto* context = static_cast<ucontext_t*>(ucontext);
  if (is_stop_signal(info)) return stop(info, context);
  if (is_end_call(info)) return end_call(context);
  if (vfd::is_poke(info)) return vfd::take_poke() ? void() : begin_again(context);
  if (is_copy_signal(info)) return copy_for_fork(context);
  if (info->si_code != kSysUserDispatch) return deliver_own_sigsys(info, context);
  Registers registers = registers_of(context);
  node_record(this_node()).trapped.fetch_add(1, std::memory_order_relaxed);
  if (registers.rax < wire::kSyscallCountMax)
    control().trapped_by_number[registers.rax].fetch_add(1, std::memory_order_relaxed);
  sp_dispatch(&registers, context);
  context->uc_mcontext.gregs[REG_RAX] = static_cast<greg_t>(registers.rax);
}

} // namespace

bool start_trapping() {
  own_sigsys(on_sigsys);
  const uint64_t sigsys = signal_bit(SIGSYS);
  uint64_t before = 0;
  sys::call(SYS_rt_sigprocmask, SIG_UNBLOCK, &sigsys, &before, sizeof sigsys);
  if (before & sigsys) thread_self.record->flags.fetch_or(wire::kThreadSigsysBlocked);
  return arm_this_thread();
}

} // namespace sp::shim
