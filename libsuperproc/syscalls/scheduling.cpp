// SPDX-License-Identifier: Apache-2.0
// Processors. A node's threads are kept on its processors, but the program sees those that it was started with, until it
// chooses some itself: then that is what it gets, in truth.
#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/syscalls/pass.hpp"

namespace sp {

namespace {
// In the resident of the thread, where nodes are kernels of their own.
long pass_to_thread(const Call& call, const wire::ThreadRecord* thread) {
  if (!is_isolated() || !thread || thread->node.load() == this_node().value) return call.pass();
  return ask({thread->node.load()}, Operation::kernel_call, call.number(), call.arg(0), call.arg(1), call.arg(2));
}
// Who is not has been given others from outside.
bool is_kept_to_node(const uint8_t* processors, long bytes, const wire::ThreadRecord& thread) {
  const wire::CpuMask& of_node = node_record({thread.node.load()}).cpus;
  const auto count = static_cast<size_t>(bytes) < sizeof of_node ? static_cast<size_t>(bytes) : sizeof of_node;
  return is_shared() && __builtin_memcmp(processors, &of_node, count) == 0;
}
} // namespace

long sys_sched_setaffinity(Call& call) {
  wire::ThreadRecord* const record = find_thread(call.number_arg(0));
  const long result = pass_to_thread(call, record);
  if (result == 0 && record) record->flags.fetch_or(wire::kThreadAffinitySet);
  return result;
}

long sys_sched_getaffinity(Call& call) {
  const wire::ThreadRecord* record = find_thread(call.number_arg(0));
  const long bytes = pass_to_thread(call, record);
  if (sys::failed(bytes) || !record || (record->flags.load() & wire::kThreadAffinitySet)) return bytes;
  auto* out = call.pointer<uint8_t>(2);
  if (!is_kept_to_node(out, bytes, *record)) return bytes;
  const auto* logical = reinterpret_cast<const uint8_t*>(&control().logical_cpus);
  for (long i = 0; i < bytes && i < static_cast<long>(sizeof(wire::CpuMask)); ++i) out[i] = logical[i];
  return bytes;
}

} // namespace sp
