// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/signal/routing.hpp"

#include <cerrno>

#include "libsuperproc/base/critical.hpp"
#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/thread_signal.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/signal/delivery.hpp"

namespace sp {

namespace {

template <class Function>
void for_each_signal(uint64_t set, Function f) {
  for (; set; set &= set - 1) f(__builtin_ctzll(set) + 1);
}

template <class Function>
bool any_thread(Function f) {
  const uint32_t high = control().thread_high.load();
  for (uint32_t i = 0; i < high; ++i) {
    wire::ThreadRecord& thread = control().threads[i];
    if (thread.state.load() == wire::ThreadState::running && f(thread)) return true;
  }
  return false;
}

bool is_home_s(const wire::ThreadRecord& thread) { return thread.node.load() == home_node().value; }

bool is_ignored(int signal) {
  const uint64_t handler = signal_table().actions[signal].handler;
  return handler == address_of(SIG_IGN) || (handler == address_of(SIG_DFL) && !is_fatal_by_default(signal));
}

// A thread that ignores the signal gets no notice, but one that waits for it does.
bool notify_unless_noticed(wire::ThreadRecord& thread, int signal) {
  const uint64_t bit = bit_of(signal);
  if (thread.noticed.fetch_or(bit) & bit) return false;
  if (is_ignored(signal)) thread.noticed.fetch_and(~bit);
  const bool sent =
      send_marked({thread.node.load()}, thread.tid.load(), signal); // to the calling thread: its handler has run
  if (!sent) thread.noticed.fetch_and(~bit);
  return sent;
}

// The record is marked while this is decided, so that a thread which accepts less can wait for the decision.
bool notify_other(wire::ThreadRecord& thread, int signal) {
  if (!(thread.accepts.load() & ~thread.noticed.load() & bit_of(signal))) return false;
  thread.notifying.fetch_add(1);
  const bool running = thread.state.load() == wire::ThreadState::running;
  const bool sent = running && (thread.accepts.load() & bit_of(signal)) && notify_unless_noticed(thread, signal);
  thread.notifying.fetch_sub(1);
  return sent;
}

// By the thread itself: what is on its way to it has arrived afterwards.
void await_notices() {
  while (thread_self.record->notifying.load()) sys::call(SYS_sched_yield);
}

// Takes notices out of the thread's own queue; what else is found there goes back, in its order.
void drop_notices(uint64_t refused) {
  const Critical whole;
  constexpr uint32_t kCount = 16;
  siginfo_t real[kCount];
  uint32_t count = 0;
  const timespec none{};
  for (uint64_t late = thread_self.record->noticed.load() & refused; late && count < kCount;) {
    siginfo_t& info = real[count];
    const long signal = sys::call(SYS_rt_sigtimedwait, &late, &info, &none, sizeof late);
    if (signal == -EINTR) continue;
    if (signal <= 0) break;
    if (is_notice(&info))
      late &= ~bit_of(static_cast<int>(signal));
    else if (!is_a_copy(&info))
      ++count;
  }
  thread_self.record->noticed.fetch_and(~refused);
  for (uint32_t i = 0; i < count; ++i)
    sys::call(SYS_rt_tgsigqueueinfo, node_private().host_pid, thread_self.tid, real[i].si_signo, &real[i]);
}

} // namespace

void accept(uint64_t signals) {
  wire::ThreadRecord& self = *thread_self.record;
  const uint64_t before = self.accepts.load(std::memory_order_relaxed);
  if (before == signals) return;
  self.accepts.store(signals);
  if (!at_home()) {
    await_notices();
    if (self.noticed.load() & ~signals) [[unlikely]]
      drop_notices(~signals);
  }
  const uint64_t known = routing().pending.load();
  if (!known) [[likely]]
    return;
  if (known & before & ~signals) poke_receiver(); // one that is looking sees it
  const uint64_t pending = may_be_pending();
  if (!at_home() && (pending & signals & ~before)) look_at_home(signals & ~before);
}

uint64_t accepted_at_home() {
  uint64_t together = 0;
  any_thread([&](const wire::ThreadRecord& thread) {
    if (is_home_s(thread)) together |= thread.accepts.load();
    return false;
  });
  return together;
}

void look_at_home(uint64_t signals) {
  const uint64_t believed = may_be_pending() & signals;
  uint64_t pending = 0;
  ask(home_node(), Operation::kernel_call, SYS_rt_sigpending, &pending, sizeof pending);
  if (believed & ~pending) poke_receiver(); // to believe it no longer
  pending &= signals & kRouted;
  if (pending) pending &= ~accepted_at_home();
  for_each_signal(pending, [](int signal) { notify_unless_noticed(*thread_self.record, signal); });
  await_notices();
  sys::call(SYS_getpid); // what was sent to this thread is delivered at the latest when a call returns
}

// A process may always send itself a signal that says nothing.
bool send_marked(NodeId node, int32_t tid, int signal) {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = kNotice;
  const long result = send_to_thread(node, tid, signal, info);
  if (result != -EAGAIN) return result == 0;
  const int32_t process = node_record(node).host_pid.load();
  const siginfo_t* plain = &routing().plain;
  return 0 == (node == this_node()
                   ? sys::call(SYS_rt_tgsigqueueinfo, process, tid, signal, plain)
                   : ask(node, Operation::kernel_call, SYS_rt_tgsigqueueinfo, process, tid, signal, plain));
}

bool is_notice(const siginfo_t* info) {
  return info->si_code == kNotice || (!at_home() && info->si_code == SI_USER && info->si_pid == 0);
}

long fetch(uint64_t signals, siginfo_t* info) {
  const timespec none{};
  for (;;) {
    siginfo_t found{};
    const long signal =
        ask(home_node(), Operation::kernel_call, SYS_rt_sigtimedwait, &signals, &found, &none, sizeof signals);
    if (signal > 0 && is_news_of_resident(&found)) continue;
    if (signal > 0) *info = found;
    return signal;
  }
}

bool fetch_noticed(int signal, siginfo_t* info) {
  thread_self.record->noticed.fetch_and(~bit_of(signal));
  return fetch(bit_of(signal), info) == signal;
}

void forget_notices(int signal) {
  any_thread([signal](wire::ThreadRecord& thread) {
    thread.noticed.fetch_and(~bit_of(signal));
    return false;
  });
}

void sent_to_process(int signal) {
  const uint64_t bit = bit_of(signal) & kRouted;
  if (!bit || !is_routed()) return;
  const bool accepted = accepted_now() & bit;
  if ((accepted && at_home()) || (accepted_at_home() & bit)) return;
  routing().pending.fetch_or(bit);
  if (accepted) look_at_home(bit);
}

bool notify_somebody(int signal) {
  if (!any_thread([signal](wire::ThreadRecord& thread) { return !is_home_s(thread) && notify_other(thread, signal); }))
    return false;
  node_record(home_node()).signals_forwarded.fetch_add(1, std::memory_order_relaxed);
  return true;
}

} // namespace sp
