// SPDX-License-Identifier: Apache-2.0
// A signal to one thread of this SubProcess, on whichever node it is. Where another node is another kernel its agent sends
// it; what a siginfo says beside its number goes with the request, since the caller's stack may be its node's own.
#pragma once
#include <csignal>

#include "libsuperproc/cluster/ask.hpp"

namespace sp {

// Offsets in siginfo_t, by kind of signal: sender or timer, and the value.
struct SignalWords {
  uint64_t sender; // si_pid and si_uid, or si_timerid and si_overrun
  uint64_t value;
};
inline SignalWords words_of(const siginfo_t& info) {
  SignalWords words;
  __builtin_memcpy(&words, &info.si_pid, sizeof words);
  return words;
}

// The kernel lets nobody but the first thread of a process name the sender of a kill; it names this process itself.
inline long send_here(int32_t tid, int signal, siginfo_t& info) {
  if (info.si_code == SI_TKILL) return sys::call(SYS_tgkill, node_private().host_pid, tid, signal);
  return sys::call(SYS_rt_tgsigqueueinfo, node_private().host_pid, tid, signal, &info);
}

// What rt_tgsigqueueinfo returns.
inline long send_to_thread(NodeId node, int32_t tid, int signal, siginfo_t& info) {
  if (node == this_node()) return send_here(tid, signal, info);
  if (is_isolated())
    return ask(node, Operation::signal_thread, tid, signal, info.si_code, words_of(info).sender, words_of(info).value);
  return sys::call(SYS_rt_tgsigqueueinfo, node_record(node).host_pid.load(), tid, signal, &info);
}

// The agent's part.
inline long send_as_asked(const uint64_t* a) {
  siginfo_t info{};
  info.si_signo = static_cast<int>(a[1]);
  info.si_code = static_cast<int>(a[2]);
  const SignalWords words{a[3], a[4]};
  __builtin_memcpy(&info.si_pid, &words, sizeof words);
  return send_here(static_cast<int32_t>(a[0]), info.si_signo, info);
}

} // namespace sp
