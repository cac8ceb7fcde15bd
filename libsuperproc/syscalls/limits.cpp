// SPDX-License-Identifier: Apache-2.0
// Limits are set in every resident; what a SubProcess has used is the sum over them.
#include <sys/resource.h>
#include <sys/times.h>

#include "libsuperproc/process/cpu_timers.hpp"
#include "libsuperproc/syscalls/pass.hpp"

namespace sp {

namespace {
// Each resident has its own account of CPU time; the sum is watched.
void limit_changed(int resource) {
  if (resource == RLIMIT_CPU) watch_cpu_limit();
}
} // namespace

long sys_setrlimit(Call& call) {
  const long result = pass_everywhere(call);
  if (result == 0) limit_changed(call.number_arg(0));
  return result;
}

long sys_prlimit64(Call& call) {
  const int pid = call.number_arg(0);
  if (pid != 0 && pid != control().identity.pid) return call.pass();
  const long result = app_call(SYS_prlimit64, 0, call.arg(1), call.arg(2), call.arg(3));
  if (result != 0 || !call.arg(2)) return result;
  ask_others_to_call(SYS_prlimit64, 0, call.arg(1), call.arg(2), 0);
  limit_changed(call.number_arg(1));
  return result;
}

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

} // namespace sp
