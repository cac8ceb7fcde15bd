// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/signal/delivery.hpp"

#include "gnttab-shm/node_bell.hpp"
#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/peek.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/signal/masks.hpp"
#include "libsuperproc/signal/routing.hpp"

namespace sp {

void (*die_by_signal)(int, siginfo_t*, ucontext_t*) = nullptr;
void (*handler_begins)() = nullptr;

namespace {

thread_local constinit uint64_t mask_before_put_off = 0;
thread_local constinit uint32_t delivered = 0;
// Of several real-time signals of a number the first that was put off: si_signo 0 if there is none.
thread_local constinit siginfo_t held_back{};
// The program's own SIGSYS that its thread believes blocked: there is one at most, as of every signal below 32.
thread_local constinit siginfo_t kept_sigsys{};

bool is_fault(int signal, const siginfo_t* info) {
  const bool by_hardware = info->si_code > 0 && info->si_code != SI_KERNEL;
  switch (signal) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGTRAP: return by_hardware || info->si_code == SI_KERNEL;
    default: return false;
  }
}

bool carries_sender(const siginfo_t* info) {
  return info->si_code == SI_USER || info->si_code == SI_TKILL || info->si_code == SI_QUEUE ||
         info->si_code == SI_MESGQ;
}

} // namespace

namespace {
bool is_resident(int32_t pid) {
  for (uint32_t n = 0; n < node_count(); ++n)
    if (pid == control().nodes[n].host_pid.load(std::memory_order_relaxed)) return true;
  return false;
}
} // namespace

bool is_news_of_resident(const siginfo_t* info) {
  return info->si_signo == SIGCHLD && info->si_code > 0 && is_resident(info->si_pid);
}

bool is_a_copy(const siginfo_t* info) {
  if (info->si_code == kCopy) return true;
  if (at_home()) return is_news_of_resident(info);
  if (info->si_code == SI_KERNEL) return true;
  return info->si_code == SI_USER && info->si_pid != node_private().host_pid;
}

uint32_t delivered_count() { return delivered; }

void name_sender(siginfo_t* info) {
  if (carries_sender(info) && is_resident(info->si_pid)) info->si_pid = control().identity.pid;
}

namespace {

void enter_handler(const KernelAction& action, int signal, siginfo_t* info, void* context) {
  delivered = delivered + 1;
  if (handler_begins) handler_begins();
  reinterpret_cast<void (*)(int, siginfo_t*, void*)>(action.handler)(signal, info, context);
}

uint64_t mask_now() {
  uint64_t mask = 0;
  sys::call(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, sizeof mask);
  return mask;
}

// While the handler runs the thread accepts what the kernel leaves open. Afterwards it accepts what it did before (a wait
// that the handler has interrupted may still be on), unless the handler changed the mask that its return sets.
void call_handler(const KernelAction& action, int signal, siginfo_t* info, ucontext_t* context) {
  if (!is_routed()) return enter_handler(action, signal, info, context);
  const uint64_t accepted = accepted_now(), mask = mask_in(context);
  const uint64_t closed = action.mask | (action.flags & SA_NODEFER ? 0 : signal_bit(signal));
  accept(accepted == ~mask ? accepted & ~closed : ~mask_now());
  enter_handler(action, signal, info, context);
  accept(mask_in(context) == mask ? accepted : ~mask_in(context));
}

void raise_put_off() {
  critical_state.put_off = 0;
  const uint64_t mask = mask_before_put_off;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, sizeof mask);
}

} // namespace

namespace {

void send_to_self(int signal, const siginfo_t* info) {
  sys::call(SYS_rt_tgsigqueueinfo, node_private().host_pid, sys::call(SYS_gettid), signal, info);
}

// Sent again, a real-time signal would come behind those of its number that wait already. So it is held back, and a mark
// sent in its place: until the mark comes, each that comes is held back in turn for the one before.
bool hold_back(int signal, const siginfo_t* info) {
  constexpr int kFirstRealTime = 32;
  if (signal < kFirstRealTime || held_back.si_signo) return false;
  held_back = *info;
  siginfo_t mark{};
  mark.si_signo = signal;
  mark.si_code = kHeldBack;
  send_to_self(signal, &mark);
  return true;
}

} // namespace

void come_in_order(int signal, siginfo_t* info) {
  if (held_back.si_signo != signal) return;
  const siginfo_t first = held_back;
  if (info->si_code == kHeldBack)
    held_back.si_signo = 0;
  else
    held_back = *info;
  *info = first;
}

// Nothing may come in between from here on. One that came before has put itself off completely, and the outermost frame,
// which has the thread's true mask, is the last to get here.
void put_off(int signal, const siginfo_t* info, ucontext_t* context) {
  const uint64_t all = ~0ull;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all);
  if (!hold_back(signal, info)) send_to_self(signal, info);
  mask_before_put_off = mask_in(context);
  mask_in(context) = all;
  critical_state.put_off = 1;
  if (!critical_state.awaited) return;
  __atomic_fetch_or(critical_state.awaited, kAwaitedMark, __ATOMIC_SEQ_CST);
  // A futex that is begun again after this handler sees the mark; one on a line of the board only what is rung.
  if (own_board.board) NodeBell::wake(critical_state.awaited, 1);
}

bool put_off_restarts() {
  uint64_t pending = 0;
  sys::call(SYS_rt_sigpending, &pending, sizeof pending);
  for (pending &= ~mask_before_put_off; pending; pending &= pending - 1) {
    const KernelAction& action = signal_table().actions[__builtin_ctzll(pending) + 1];
    if (action.handler > address_of(SIG_IGN) && !(action.flags & SA_RESTART)) return false;
  }
  return true;
}

void start_delivery() { critical_left = raise_put_off; }

void deliver(int signal, siginfo_t* info, void* ucontext) {
  auto* context = static_cast<ucontext_t*>(ucontext);
  const bool fault = is_fault(signal, info);
  if (fault && was_peek(context)) return;
  if (!fault) {
    if (critical_state.depth && !is_borrower()) return put_off(signal, info, context); // a borrower's is its creator's
    come_in_order(signal, info);
    if (is_notice(info) ? !fetch_noticed(signal, info) : is_a_copy(info)) return;
    name_sender(info);
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
    if (!self->sigsys_pending) kept_sigsys = *info;
    self->sigsys_pending = 1;
    return;
  }
  const KernelAction action = action_of(SIGSYS);
  if (action.handler == address_of(SIG_IGN)) return;
  if (action.handler == address_of(SIG_DFL)) return die_by_signal(SIGSYS, info, context);
  if (is_shared()) name_sender(info);
  // The kernel entered with nothing blocked; what the program asked for is done by hand.
  uint64_t mask = mask_in(context) | without_sigsys(action.mask), old = 0;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &old, sizeof mask);
  const bool believed_blocked = self->flags.load() & wire::kThreadSigsysBlocked;
  if (!(action.flags & SA_NODEFER)) self->flags.fetch_or(wire::kThreadSigsysBlocked);
  call_handler(action, SIGSYS, info, context);
  if (!believed_blocked)
    self->flags.fetch_and(~wire::kThreadSigsysBlocked);
  else
    self->flags.fetch_or(wire::kThreadSigsysBlocked);
  release_own_sigsys();
}

void release_own_sigsys() {
  wire::ThreadRecord* self = thread_self.record;
  if (!self || !self->sigsys_pending || (self->flags.load() & wire::kThreadSigsysBlocked)) return;
  self->sigsys_pending = 0;
  sys::call(SYS_rt_tgsigqueueinfo, node_private().host_pid, sys::call(SYS_gettid), SIGSYS, &kept_sigsys);
}

bool take_own_sigsys(siginfo_t* info) {
  wire::ThreadRecord* self = thread_self.record;
  if (!self || !self->sigsys_pending) return false;
  *info = kept_sigsys;
  self->sigsys_pending = 0;
  if (is_shared()) name_sender(info);
  return true;
}

} // namespace sp
