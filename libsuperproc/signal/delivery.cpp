// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/signal/delivery.hpp"

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/signal/masks.hpp"

namespace sp {

void (*die_by_signal)(int, siginfo_t*, ucontext_t*) = nullptr;

namespace {

struct PutOff {
  siginfo_t info;
  uint64_t mask; // the thread's, to be restored
};
thread_local constinit PutOff put_off_signal{};

bool is_fault(int signal, const siginfo_t* info) {
  const bool by_hardware = info->si_code > 0 && info->si_code != SI_KERNEL;
  switch (signal) {
    case SIGSEGV: case SIGBUS: case SIGILL: case SIGFPE: case SIGTRAP:
      return by_hardware || info->si_code == SI_KERNEL;
    default:
      return false;
  }
}

bool carries_sender(const siginfo_t* info) {
  return info->si_code == SI_USER || info->si_code == SI_TKILL || info->si_code == SI_QUEUE;
}

// A resident gets thread-directed signals (SI_TKILL, SI_QUEUE, timers) and what the kernel sends for its own doing.
bool is_a_copy(const siginfo_t* info) {
  if (at_home()) return false;
  if (info->si_code == SI_KERNEL) return true;
  return info->si_code == SI_USER && info->si_pid != node_private().host_pid;
}

void name_sender(siginfo_t* info) {
  for (uint32_t n = 0; n < node_count(); ++n)
    if (info->si_pid == control().nodes[n].host_pid.load(std::memory_order_relaxed))
      info->si_pid = control().identity.pid;
}

void call_handler(const KernelAction& action, int signal, siginfo_t* info, void* context) {
  reinterpret_cast<void (*)(int, siginfo_t*, void*)>(action.handler)(signal, info, context);
}

void raise_put_off() {
  critical_state.put_off = 0;
  siginfo_t info = put_off_signal.info;
  const long tid = sys::call(SYS_gettid);
  if (info.si_signo) sys::call(SYS_rt_tgsigqueueinfo, node_private().host_pid, tid, info.si_signo, &info);
  const uint64_t mask = put_off_signal.mask;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, sizeof mask);
}

} // namespace

void put_off(int, const siginfo_t* info, ucontext_t* context) {
  auto& mask = mask_in(context);
  put_off_signal.info = *info;
  put_off_signal.mask = mask;
  mask = ~0ull;
  critical_state.put_off = 1;
}

void start_delivery() { critical_left = raise_put_off; }

void deliver(int signal, siginfo_t* info, void* ucontext) {
  auto* context = static_cast<ucontext_t*>(ucontext);
  const bool fault = is_fault(signal, info);
  if (!fault) {
    if (critical_state.depth) return put_off(signal, info, context);
    if (is_a_copy(info)) return;
    if (carries_sender(info)) name_sender(info);
  }
  const KernelAction action = signal_table().actions[signal];
  if (action.handler == address_of(SIG_IGN) && !fault) return;
  if (action.handler == address_of(SIG_DFL) || action.handler == address_of(SIG_IGN))
    return die_by_signal(signal, info, context);
  if (action.flags & SA_RESETHAND) {
    const KernelAction none{};
    change_action(signal, &none, nullptr);
  }
  call_handler(action, signal, info, context);
}

void deliver_own_sigsys(siginfo_t* info, ucontext_t* context) {
  wire::ThreadRecord* self = thread_self.record;
  if (!self) return;
  if (self->flags.load() & wire::kThreadSigsysBlocked) {
    self->sigsys_pending = 1;
    return;
  }
  const KernelAction action = action_of(SIGSYS);
  if (action.handler == address_of(SIG_IGN)) return;
  if (action.handler == address_of(SIG_DFL)) return die_by_signal(SIGSYS, info, context);
  if (is_shared() && carries_sender(info)) name_sender(info);
  // The kernel entered with nothing blocked; what the program asked for is done by hand.
  uint64_t mask = mask_in(context) | without_sigsys(action.mask), old = 0;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &old, sizeof mask);
  const uint32_t flags = self->flags.load();
  if (!(action.flags & SA_NODEFER)) self->flags.fetch_or(wire::kThreadSigsysBlocked);
  call_handler(action, SIGSYS, info, context);
  self->flags.store((self->flags.load() & ~wire::kThreadSigsysBlocked) | (flags & wire::kThreadSigsysBlocked));
  release_own_sigsys();
}

void release_own_sigsys() {
  wire::ThreadRecord* self = thread_self.record;
  if (!self || !self->sigsys_pending || (self->flags.load() & wire::kThreadSigsysBlocked)) return;
  self->sigsys_pending = 0;
  sys::call(SYS_tgkill, node_private().host_pid, sys::call(SYS_gettid), SIGSYS);
}

} // namespace sp
