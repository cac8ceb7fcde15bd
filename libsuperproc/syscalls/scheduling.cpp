// SPDX-License-Identifier: Apache-2.0
// Processors. A node's threads are kept on its processors, but the program sees those that it was started with, until it
// chooses some itself: then that is what it gets, in truth.
#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/syscalls/pass.hpp"

namespace sp {

long sys_sched_setaffinity(Call& call) {
  const long result = call.pass();
  if (result == 0)
    if (wire::ThreadRecord* record = find_thread(call.number_arg(0))) record->flags.fetch_or(wire::kThreadAffinitySet);
  return result;
}

long sys_sched_getaffinity(Call& call) {
  const long bytes = call.pass();
  const wire::ThreadRecord* record = find_thread(call.number_arg(0));
  if (sys::failed(bytes) || !record || (record->flags.load() & wire::kThreadAffinitySet)) return bytes;
  auto* out = call.pointer<uint8_t>(2);
  const auto* logical = reinterpret_cast<const uint8_t*>(&control().logical_cpus);
  for (long i = 0; i < bytes && i < static_cast<long>(sizeof(wire::CpuMask)); ++i) out[i] = logical[i];
  return bytes;
}

} // namespace sp
