// SPDX-License-Identifier: Apache-2.0
// What one node asks of another's agent. Arguments are in the request's slot; addresses are those of the shared address
// space, so they pass as they are.
#pragma once
#include <cstdint>

namespace sp {

enum class Operation : uint32_t {
  none = 0,
  clone_thread,   // frame, flags, parent_tid, child_tid, tls -> tid (process/clone.cpp)
  kernel_call,    // number, six arguments -> result: a short call, performed by the agent itself
  proxied_call,   // address of a ProxiedCall: a call that may block, by a proxy thread (process/proxy.cpp)
  map_segment,    // start, end, prot, descriptor -> 0: the segment's pages at these addresses (memory/segments.cpp)
  cpu_time,       // kind -> ns that the resident has used (process/cpu_timers.hpp)
  signal_thread,  // tid, signal, code, sender, value: to a thread of the node asked (cluster/thread_signal.hpp)
  map_file,       // address of a FileElsewhere -> 0: the same file at the same addresses (memory/file_elsewhere.hpp)
  signal_action,  // signal, address of the KernelAction (signal/actions.cpp)
  start_stand_in, // address of a StandIn -> 0 (process/stand_in.cpp)
  exit_group,     // status: ends the SubProcess (process/exit.cpp)
  die,            // signal: ends it as by that signal
  watch_cpu_time, // starts home's watch over CPU timers (process/cpu_timers.hpp)
  count
};

} // namespace sp
