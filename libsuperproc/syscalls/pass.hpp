// SPDX-License-Identifier: Apache-2.0
// The ways in which a call goes on to a kernel.
#pragma once
#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/process/proxy.hpp"
#include "libsuperproc/syscalls/call.hpp"

namespace sp {

// Here, with one argument replaced.
inline long pass_with(const Call& call, int index, uint64_t value) {
  uint64_t a[6];
  for (int i = 0; i < 6; ++i) a[i] = i == index ? value : call.arg(i);
  return app_call(call.number(), a[0], a[1], a[2], a[3], a[4], a[5]);
}

// At home, by its agent: for calls that do not block.
inline long pass_home(const Call& call) {
  if (at_home() || !is_shared()) return call.pass();
  return ask(home_node(), Operation::kernel_call, call.number(), call.arg(0), call.arg(1), call.arg(2), call.arg(3),
             call.arg(4), call.arg(5));
}

// At home, by a proxy: for calls that may block.
inline long pass_home_blocking(const Call& call) {
  if (at_home() || !is_shared()) return call.pass();
  return call_at_home(call.number(), call.arg(0), call.arg(1), call.arg(2), call.arg(3), call.arg(4), call.arg(5));
}

// Here, then on every other node if it succeeded here.
inline long pass_everywhere(const Call& call) {
  const long result = call.pass();
  if (!sys::failed(result) && is_shared())
    ask_others_to_call(call.number(), call.arg(0), call.arg(1), call.arg(2), call.arg(3), call.arg(4), call.arg(5));
  return result;
}

// In the resident that holds thread `tid` of this SubProcess, with that resident's number: attempt(number).
template <class Try>
long on_thread_s_node(Try attempt) {
  long result = attempt(node_private().host_pid);
  for (uint32_t n = 0; result == -ESRCH && n < node_count(); ++n)
    if (NodeId{n} != this_node()) result = attempt(node_record({n}).host_pid.load());
  return result;
}

} // namespace sp
