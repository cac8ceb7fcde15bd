// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/signal/routing.hpp"

#include <cerrno>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/signal/delivery.hpp"

namespace sp {

namespace {

bool send_to(wire::ThreadRecord& thread, int signal, const siginfo_t& original) {
  siginfo_t info{};
  __builtin_memcpy(&info, &original, 48); // what the kernel keeps; the rest must be zero
  info.si_errno = original.si_code;
  info.si_code = kForwarded;
  const int32_t process = node_record({thread.node.load()}).host_pid.load();
  return sys::call(SYS_rt_tgsigqueueinfo, process, thread.tid.load(), signal, &info) == 0;
}

// The record is marked while it is decided, so that a thread which stops accepting can wait for the decision.
bool try_forward(wire::ThreadRecord& thread, int signal, const siginfo_t& info) {
  if (!(thread.accepts.load() & bit_of(signal))) return false;
  thread.forwarding.fetch_add(1);
  bool sent = false;
  if (thread.state.load() == wire::ThreadState::running && (thread.accepts.load() & bit_of(signal))) {
    thread.forwarded.store(1);
    sent = send_to(thread, signal, info);
  }
  thread.forwarding.fetch_sub(1);
  return sent;
}

// Takes what the thread does not accept any more out of its own queue.
void give_back(uint64_t accepted) {
  uint64_t refused = ~accepted & kRouted;
  const timespec none{};
  for (siginfo_t info{};;) {
    const long signal = sys::call(SYS_rt_sigtimedwait, &refused, &info, &none, sizeof refused);
    if (signal == -EINTR) continue;
    if (signal <= 0) return;
    if (restore(&info)) {
      const int32_t agent = node_record(home_node()).agent_tid.load();
      ask(home_node(), Operation::kernel_call, SYS_rt_sigqueueinfo, agent, signal, &info);
      continue;
    }
    refused &= ~bit_of(static_cast<int>(signal));
    if (!is_a_copy(&info))
      sys::call(SYS_rt_tgsigqueueinfo, node_private().host_pid, thread_self.record->tid.load(), signal, &info);
  }
}

} // namespace

bool is_routed() { return is_shared() && thread_self.record && !at_home(); }
uint64_t accepted_now() { return thread_self.record->accepts.load(std::memory_order_relaxed); }

void accept(uint64_t signals) {
  wire::ThreadRecord& self = *thread_self.record;
  self.accepts.store(signals);
  while (self.forwarding.load()) sys::pause();
  if (self.forwarded.load(std::memory_order_relaxed)) [[unlikely]] {
    self.forwarded.store(0);
    give_back(signals);
  }
  if (const uint64_t wanted = signals & routing().held.load()) [[unlikely]] {
    settle();
    ask(home_node(), Operation::look_for_signals, wanted, &self);
    sys::call(SYS_getpid); // what was sent is delivered at the latest when a call returns
  }
}

Accepting::Accepting(uint64_t signals) : before_(0) {
  if (!is_routed()) return;
  before_ = accepted_now();
  if (signals != before_) accept(signals);
}

Accepting::~Accepting() {
  if (is_routed() && accepted_now() != before_) accept(before_);
}

bool restore(siginfo_t* info) {
  if (info->si_code != kForwarded) return false;
  info->si_code = info->si_errno;
  info->si_errno = 0;
  return true;
}

bool forward(int signal, const siginfo_t& info) {
  const uint32_t high = control().thread_high.load();
  for (uint32_t i = 0; i < high; ++i) {
    wire::ThreadRecord& thread = control().threads[i];
    if (thread.state.load() != wire::ThreadState::running || thread.node.load() == home_node().value) continue;
    if (!try_forward(thread, signal, info)) continue;
    node_record(home_node()).signals_forwarded.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  return false;
}

void put_back(int32_t own_tid, int signal, siginfo_t& info) {
  // To one's own number the kernel lets any siginfo pass, and every thread's number names the whole process here.
  sys::call(SYS_rt_sigqueueinfo, own_tid, signal, &info);
}

void hand_over(uint64_t signals, wire::ThreadRecord& thread) {
  const uint64_t set = signals & kRouted;
  const timespec none{};
  for (siginfo_t info{};;) {
    const long signal = sys::call(SYS_rt_sigtimedwait, &set, &info, &none, sizeof set);
    if (signal <= 0) break;
    if (try_forward(thread, static_cast<int>(signal), info)) continue;
    put_back(node_record(home_node()).agent_tid.load(), static_cast<int>(signal), info);
    break;
  }
  routing().held.fetch_and(~signals); // not before: the receiver would take from the same queue meanwhile
  poke_receiver();
}

} // namespace sp
