// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/signal/actions.hpp"

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/signal/delivery.hpp"
#include "libsuperproc/signal/routing.hpp"

namespace sp {

namespace {

constexpr uint64_t kDefault = 0, kIgnore = 1;

long kernel_action(int signal, const KernelAction* wanted, KernelAction* old) {
  return sys::call(SYS_rt_sigaction, signal, wanted, old, sizeof(uint64_t));
}

// What the kernel shall have while the process has one resident: the program's own handler.
KernelAction native_form(KernelAction action) {
  action.mask = without_sigsys(action.mask);
  if (action.flags & kSaRestorer) action.restorer = address_of(sp_restorer);
  return action;
}

// ... and once it is converted: ours in front of every handler and every death.
KernelAction shared_form(int signal, const KernelAction& action) {
  KernelAction form = native_form(action);
  if (action.handler == kIgnore) return form;
  if (action.handler == kDefault && !is_fatal_by_default(signal)) return form;
  form.handler = address_of(deliver);
  form.restorer = address_of(sp_restorer);
  if (action.handler == kDefault) form.flags = SA_ONSTACK | SA_RESTART, form.mask = without_sigsys(~0ull);
  form.flags = (form.flags & ~uint64_t{SA_RESETHAND}) | SA_SIGINFO | kSaRestorer;
  return form;
}

bool is_ours(int signal) { return signal == SIGSYS || signal == SIGKILL || signal == SIGSTOP; }

} // namespace

bool is_fatal_by_default(int signal) {
  switch (signal) {
    case SIGCHLD:
    case SIGCONT:
    case SIGURG:
    case SIGWINCH:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU: return false;
    default: return true;
  }
}

KernelAction action_of(int signal) {
  const SignalTable& table = signal_table();
  const bool known = table.known & signal_bit(signal);
  KernelAction action{};
  if (signal != SIGSYS) kernel_action(signal, nullptr, &action);
  if (!known) return action;
  // Where the kernel calls the handler itself it is the kernel that takes it away.
  const KernelAction& set = table.actions[signal];
  if (is_shared() || !(set.flags & SA_RESETHAND) || signal == SIGSYS || action.handler != kDefault) return set;
  return {kDefault, set.flags, set.restorer, set.mask};
}

long install_action(int signal, const KernelAction& action) { return kernel_action(signal, &action, nullptr); }

namespace {

// Without the program's memory: a fault on it would leave the lock held.
long exchange_action(int signal, const KernelAction* wanted, KernelAction& before) {
  Holding holding(signal_table().lock);
  before = action_of(signal);
  if (!wanted) return 0;
  if (!is_ours(signal)) {
    const KernelAction form = is_shared() ? shared_form(signal, *wanted) : native_form(*wanted);
    if (const long result = install_action(signal, form); result != 0) return result;
    if (is_shared())
      for_other_nodes([&](NodeId node) { ask(node, Operation::signal_action, signal, address_of(&form)); });
    if (is_shared() && form.handler != address_of(deliver)) forget_notices(signal);
  }
  signal_table().actions[signal] = *wanted;
  signal_table().known |= signal_bit(signal);
  return 0;
}

// The kernel looks at the program's memory: it answers EFAULT. SIGKILL's action it never changes.
bool is_readable(const KernelAction* wanted) { return kernel_action(SIGKILL, wanted, nullptr) != -EFAULT; }
bool is_writable(KernelAction* old) { return kernel_action(SIGKILL, nullptr, old) != -EFAULT; }

} // namespace

long change_action(int signal, const KernelAction* wanted, KernelAction* old) {
  if (signal < 1 || signal > kSignalCount) return -EINVAL;
  if (wanted && !is_readable(wanted)) return -EFAULT;
  if (wanted && (signal == SIGKILL || signal == SIGSTOP)) return -EINVAL;
  KernelAction now{}, before;
  if (wanted) now = *wanted;
  if (const long result = exchange_action(signal, wanted ? &now : nullptr, before); result != 0) return result;
  if (!old) return 0;
  if (!is_writable(old)) return -EFAULT;
  *old = before;
  return 0;
}

void take_over_actions() {
  SignalTable& table = signal_table();
  for (int signal = 1; signal <= kSignalCount; ++signal) {
    if (is_ours(signal)) continue;
    table.actions[signal] = action_of(signal);
    table.known |= signal_bit(signal);
    install_action(signal, shared_form(signal, table.actions[signal]));
  }
}

void give_back_actions() {
  for (int signal = 1; signal <= kSignalCount; ++signal)
    if (!is_ours(signal)) install_action(signal, native_form(action_of(signal)));
}

void own_sigsys(void (*handler)(int, siginfo_t*, void*)) {
  const KernelAction action{address_of(handler), SA_SIGINFO | SA_NODEFER | SA_RESTART | kSaRestorer,
                            address_of(sp_restorer), 0};
  install_action(SIGSYS, action);
}

} // namespace sp
