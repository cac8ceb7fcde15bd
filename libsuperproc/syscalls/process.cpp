// SPDX-License-Identifier: Apache-2.0
// Children, limits, accounting and processors of the SubProcess as a whole.
#include <sys/resource.h>
#include <sys/times.h>

#include "libsuperproc/process/placement.hpp"
#include "libsuperproc/syscalls/pass.hpp"

namespace sp {

// Every child is home's.
long sys_wait4(Call& call) { return pass_home_blocking(call); }
long sys_waitid(Call& call) { return pass_home_blocking(call); }

// ---- timers that belong to the process ----
long sys_setitimer(Call& call) { return pass_home(call); }
long sys_getitimer(Call& call) { return pass_home(call); }
long sys_alarm(Call& call) { return pass_home(call); }

// ---- limits ----
long sys_setrlimit(Call& call) { return pass_everywhere(call); }
long sys_prlimit64(Call& call) {
  const int pid = call.number_arg(0);
  if (pid != 0 && pid != control().identity.pid) return call.pass();
  const long result = app_call(SYS_prlimit64, 0, call.arg(1), call.arg(2), call.arg(3));
  if (result == 0 && call.arg(2)) ask_others_to_call(SYS_prlimit64, 0, call.arg(1), call.arg(2), 0);
  return result;
}

// ---- accounting: the sum over the residents ----
namespace {

void add(timeval& sum, const timeval& more) {
  sum.tv_sec += more.tv_sec;
  sum.tv_usec += more.tv_usec;
  if (sum.tv_usec >= 1000000) ++sum.tv_sec, sum.tv_usec -= 1000000;
}

void add(rusage& sum, const rusage& more) {
  add(sum.ru_utime, more.ru_utime);
  add(sum.ru_stime, more.ru_stime);
  if (more.ru_maxrss > sum.ru_maxrss) sum.ru_maxrss = more.ru_maxrss;
  sum.ru_minflt += more.ru_minflt;
  sum.ru_majflt += more.ru_majflt;
  sum.ru_inblock += more.ru_inblock;
  sum.ru_oublock += more.ru_oublock;
  sum.ru_nvcsw += more.ru_nvcsw;
  sum.ru_nivcsw += more.ru_nivcsw;
}

} // namespace

long sys_getrusage(Call& call) {
  const int who = call.number_arg(0);
  if (who == RUSAGE_CHILDREN) return pass_home(call);
  const long result = call.pass();
  if (result != 0 || who != RUSAGE_SELF) return result;
  rusage more{};
  for_other_nodes([&](NodeId node) {
    if (ask(node, Operation::kernel_call, SYS_getrusage, RUSAGE_SELF, &more) == 0) add(*call.pointer<rusage>(1), more);
  });
  return 0;
}

long sys_times(Call& call) {
  auto* sum = call.pointer<tms>(0);
  const long ticks = pass_home(call);
  if (sys::failed(ticks) || !sum) return ticks;
  tms more{};
  for (uint32_t n = 0; n < node_count(); ++n) {
    if (NodeId{n} == home_node()) continue;
    const long seen = NodeId{n} == this_node() ? sys::call(SYS_times, &more)
                                               : ask(NodeId{n}, Operation::kernel_call, SYS_times, &more);
    if (sys::failed(seen)) continue;
    sum->tms_utime += more.tms_utime;
    sum->tms_stime += more.tms_stime;
  }
  return ticks;
}

// The clock of the process: CLOCK_PROCESS_CPUTIME_ID, or the same named by pid 0 or ours.
namespace {
bool is_process_clock(int clock) {
  if (clock == CLOCK_PROCESS_CPUTIME_ID) return true;
  const bool of_process = clock < 0 && (clock & 7) == 2; // ~pid << 3 | CPUCLOCK_SCHED, no thread bit
  const int pid = ~(clock >> 3);
  return of_process && (pid == 0 || pid == control().identity.pid);
}
} // namespace

long sys_clock_gettime(Call& call) {
  if (!is_process_clock(call.number_arg(0))) return call.pass();
  auto* sum = call.pointer<timespec>(1);
  const long result = app_call(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, call.arg(1));
  timespec more{};
  if (result == 0)
    for_other_nodes([&](NodeId node) {
      if (ask(node, Operation::kernel_call, SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &more) != 0) return;
      sum->tv_sec += more.tv_sec;
      sum->tv_nsec += more.tv_nsec;
      if (sum->tv_nsec >= 1000000000) ++sum->tv_sec, sum->tv_nsec -= 1000000000;
    });
  return result;
}

// ---- processors ----
// A node's threads are kept on its processors, but the program sees those that it was started with, until it chooses some
// itself: then that is what it gets, in truth.
namespace {

wire::ThreadRecord* find_thread(int tid) {
  if (tid == 0) return thread_self.record;
  const uint32_t high = control().thread_high.load();
  for (uint32_t i = 0; i < high; ++i) {
    wire::ThreadRecord& record = control().threads[i];
    if (record.state.load() == wire::ThreadState::running && record.tid.load() == tid) return &record;
  }
  return nullptr;
}

} // namespace

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
