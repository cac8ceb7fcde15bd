// SPDX-License-Identifier: Apache-2.0
// System calls about signals: decode and hand to signal/. Waiting calls that change the mask get a copy of it without
// SIGSYS; the call itself comes last, so that the kernel's rules for restarting it hold.
#include <csignal>
#include <optional>

#include "libsuperproc/base/time_limit.hpp"
#include "libsuperproc/process/other_subprocess.hpp"
#include "libsuperproc/process/stopping.hpp"
#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/signal/masks.hpp"
#include "libsuperproc/signal/routing.hpp"
#include "libsuperproc/signal/waiting.hpp"
#include "libsuperproc/cluster/moved_kin.hpp"
#include "libsuperproc/cluster/thread_signal.hpp"
#include "libsuperproc/syscalls/pass.hpp"
#include "libsuperproc/syscalls/pointers.hpp"
#include "vfd/body.hpp"
#include "libsuperproc/syscalls/signal_descriptors.hpp"
#include "vfd/call_scope.hpp"

namespace sp {

namespace {

constexpr uint64_t kMaskBytes = sizeof(uint64_t);

// What signalfds show is accepted while a thread away from home polls.
uint64_t polled_signals() { return is_away() ? watched_signals() : 0; }

long pass_with_own_mask(const Call& call) {
  if (!polled_signals()) return call.pass();
  const Accepting accepting(accepted_now() | polled_signals());
  look_at_home(polled_signals());
  return call.pass();
}

// A call whose argument `index` points to a mask for its duration.
long pass_with_mask(const Call& call, int index) {
  if (!call.arg(index)) return pass_with_own_mask(call);
  if (!is_readable(call.pointer<const void>(index), kMaskBytes)) return call.pass();
  const uint64_t mask = without_sigsys(*call.pointer<const uint64_t>(index));
  const Accepting accepting(~mask | polled_signals());
  return pass_with(call, index, address_of(&mask));
}

} // namespace

long sys_rt_sigaction(Call& call) {
  if (call.arg(3) != kMaskBytes) return -EINVAL;
  vfd::CallScope::actions_change();
  return change_action(call.number_arg(0), call.pointer<const KernelAction>(1), call.pointer<KernelAction>(2));
}

long sys_rt_sigprocmask(Call& call) {
  if (call.arg(3) != kMaskBytes) return -EINVAL;
  if (!may_quickly_read(call, 1, kMaskBytes) || !may_quickly_write(call, 2, kMaskBytes)) return -EFAULT;
  return change_mask(call.number_arg(0), call.pointer<const uint64_t>(1), call.pointer<uint64_t>(2), call.trap);
}

// Only a trap sees it: the restorer that the kernel knows is in the gate.
long sys_rt_sigreturn(Call& call) { sp_sigreturn(call.registers.rsp); }

// sigreturn restores the alternate stack from the frame, so a trapped call must change it there.
long sys_sigaltstack(Call& call) {
  const long result = call.pass();
  if (call.trap && result == 0 && call.arg(0)) call.trap->uc_stack = *call.pointer<const stack_t>(0);
  return result;
}

long sys_rt_sigsuspend(Call& call) { return pass_with_mask(call, 0); }
long sys_ppoll(Call& call) { return pass_with_mask(call, 3); }
long sys_epoll_pwait(Call& call) {
  const TimeLimit limit(call.number(), int64_t{call.number_arg(3)});
  return pass_with_mask(call, 4);
}
long sys_epoll_pwait2(Call& call) {
  if (!call.arg(3) || !is_readable(call.pointer<const void>(3), sizeof(timespec))) return pass_with_mask(call, 4);
  const TimeLimit limit(call.number(), call.pointer<const timespec>(3));
  Registers counted = call.registers;
  counted.r10 = address_of(&limit.left);
  return pass_with_mask({counted, call.trap}, 4);
}

long sys_pselect6(Call& call) {
  struct MaskArgument {
    const uint64_t* mask;
    uint64_t bytes;
  };
  const auto* given = call.pointer<const MaskArgument>(5);
  if (!may_read(call, 5, sizeof *given) || (given && given->mask && !is_readable(given->mask, kMaskBytes)))
    return call.pass();
  if (!given || !given->mask) return pass_with_own_mask(call);
  const uint64_t mask = without_sigsys(*given->mask);
  const MaskArgument copy{&mask, given->bytes};
  const Accepting accepting(~mask | polled_signals());
  return pass_with(call, 5, address_of(&copy));
}

long sys_rt_sigtimedwait(Call& call) {
  if (call.arg(3) != kMaskBytes) return -EINVAL;
  if (!is_readable(call.pointer<const void>(0), kMaskBytes) || !may_write(call, 1, sizeof(siginfo_t)) ||
      !may_read(call, 2, sizeof(timespec)))
    return -EFAULT;
  return wait_for_signal(*call.pointer<const uint64_t>(0), call.pointer<siginfo_t>(1), call.pointer<const timespec>(2));
}

long sys_rt_sigpending(Call& call) {
  if (call.arg(1) > kMaskBytes) return -EINVAL;
  if (call.arg(1) && !is_writable(call.pointer<void>(0), call.arg(1))) return -EFAULT;
  const uint64_t pending = pending_signals();
  __builtin_memcpy(call.pointer<void>(0), &pending, call.arg(1));
  return 0;
}

// ---- sending ----

namespace {

bool is_self(int32_t pid) { return is_shared() && pid == control().identity.pid; }

// A signal for the own process that nobody but the caller accepts is delivered before the call returns, and one that
// another thread accepts next is there by then.
long sent_to_self(long result, int signal) {
  if (result == 0 && signal >= 1 && signal <= kSignalCount) sent_to_process(signal);
  return result;
}

// To a thread that may be away from its SubProcess's home.
long to_thread_of_another(const Call& call) {
  const long result = call.pass();
  if (result != -ESRCH) return result;
  const int32_t process = resident_with_thread(call.number_arg(0), call.number_arg(1));
  return process ? pass_with(call, 0, static_cast<uint64_t>(process)) : result;
}

} // namespace

namespace {

// The whole of the target stops, the caller's own resident last; from another node than home that comes after home.
long stop_or_continue(const Call& call, int32_t pid, int signal) {
  if (pid != control().identity.pid || !is_shared() || at_home()) {
    send_to_other_residents(pid, signal);
    return call.pass();
  }
  const long result = sys::call(SYS_kill, pid, signal);
  send_to_other_residents(pid, signal);
  return result;
}

bool stops_or_continues_us(int signal) {
  return stops_or_continues(signal) && action_of(signal).handler == address_of(SIG_DFL);
}

} // namespace

// The SubProcess's number is home's; a process group contains residents, which drop what is meant for all.
long sys_kill(Call& call) {
  const int pid = call.number_arg(0);
  const bool for_bodies = vfd::in_cluster() && is_meant_for_bodies(call.number_arg(1));
  if (for_bodies && signal_bodies(vfd::membership.node, pid, call.number_arg(1)) && pid > 0) return 0;
  if (pid > 0 && stops_or_continues(call.number_arg(1))) return stop_or_continue(call, pid, call.number_arg(1));
  const long result = pid > 0 ? call.pass() : pass_home(call);
  return pid <= 0 || is_self(pid) ? sent_to_self(result, call.number_arg(1)) : result;
}

long sys_rt_sigqueueinfo(Call& call) {
  const long result = call.pass();
  return is_self(call.number_arg(0)) ? sent_to_self(result, call.number_arg(1)) : result;
}

// On isolated nodes a thread is known by its record alone.
namespace {
std::optional<long> to_isolated_thread(int32_t tid, int signal, const siginfo_t* given) {
  if (!is_isolated() || !is_shared()) return std::nullopt;
  const wire::ThreadRecord* thread = find_thread(tid);
  if (!thread || thread->node.load() == this_node().value) return std::nullopt;
  siginfo_t info{};
  if (given)
    info = *given;
  else
    info.si_code = SI_TKILL;
  return send_to_thread({thread->node.load()}, tid, signal, info);
}
} // namespace

long sys_tkill(Call& call) {
  const std::optional<long> sent = to_isolated_thread(call.number_arg(0), call.number_arg(1), nullptr);
  return sent ? *sent : call.pass();
}

long sys_tgkill(Call& call) {
  if (is_self(call.number_arg(0)))
    if (const auto sent = to_isolated_thread(call.number_arg(1), call.number_arg(2), nullptr)) return *sent;
  if (!is_self(call.number_arg(0))) return to_thread_of_another(call);
  if (stops_or_continues_us(call.number_arg(2))) return stop_or_continue(call, call.number_arg(0), call.number_arg(2));
  const long sent = on_thread_s_node(
      [&](int32_t process) { return app_call(SYS_tgkill, process, call.number_arg(1), call.number_arg(2)); });
  if (sent == 0 && call.number_arg(1) == thread_self.tid) sent_to_itself();
  return sent;
}

long sys_rt_tgsigqueueinfo(Call& call) {
  if (is_self(call.number_arg(0)))
    if (const auto sent = to_isolated_thread(call.number_arg(1), call.number_arg(2), call.pointer<const siginfo_t>(3)))
      return *sent;
  if (!is_self(call.number_arg(0))) return to_thread_of_another(call);
  return on_thread_s_node([&](int32_t process) {
    return app_call(SYS_rt_tgsigqueueinfo, process, call.number_arg(1), call.number_arg(2), call.arg(3));
  });
}

} // namespace sp
