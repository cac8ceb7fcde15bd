// SPDX-License-Identifier: Apache-2.0
// Clocks and timers. Time of day is every kernel's; CPU clocks and timers belong to a process, so each goes to the
// resident that it concerns:
//   a thread's CPU clock                   the node of the thread
//   the process's CPU clock                the sum over the residents; its timers are ours (process/cpu_timers.hpp)
//   a timer that signals a thread          the node of that thread, whose agent makes it
//   a timer that signals the process       home; with a thread's CPU clock, the node of the thread
// The number of a timer says which node has it: bits 26 to 29 count nodes from home on (home's own are therefore what the
// kernel says, also of timers made before the conversion), bit 30 marks ours.
#include <csignal>
#include <fcntl.h>
#include <sys/time.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/process/cpu_timers.hpp"
#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/syscalls/pass.hpp"
#include "libsuperproc/syscalls/pointers.hpp"

namespace sp {

namespace {

// ---- clocks: negative numbers are ~pid << 3 | thread << 2 | kind ----
constexpr int kOfThread = 4, kKindMask = 3;

bool is_thread_clock(int clock) {
  return clock == CLOCK_THREAD_CPUTIME_ID || (clock < 0 && (clock & kOfThread) && (clock & kKindMask) != kKindMask);
}

bool is_process_clock(int clock) {
  if (clock == CLOCK_PROCESS_CPUTIME_ID) return true;
  if (clock >= 0 || (clock & kOfThread) || (clock & kKindMask) == kKindMask) return false;
  const int pid = ~(clock >> 3);
  return pid == 0 || pid == control().identity.pid;
}

CpuTime kind_of(int clock) { return clock < 0 ? static_cast<CpuTime>(clock & kKindMask) : CpuTime::scheduled; }

// The thread's clock by its number, which means the same to every kernel.
int named_thread_clock(int clock) {
  const int tid = clock < 0 ? ~(clock >> 3) : 0;
  if (tid != 0) return clock;
  const int kind = clock < 0 ? clock & kKindMask : static_cast<int>(CpuTime::scheduled);
  return static_cast<int>((~static_cast<uint32_t>(thread_self.record->tid.load()) << 3) | kOfThread |
                          static_cast<uint32_t>(kind));
}

NodeId node_of_thread_clock(int clock) {
  const int tid = clock < 0 ? ~(clock >> 3) : 0;
  const wire::ThreadRecord* record = find_thread(tid);
  return record ? NodeId{record->node.load()} : this_node();
}

// A call in the resident of `node`.
template <class... A>
long call_on(NodeId node, long number, A... arguments) {
  return node == this_node() ? app_call(number, arguments...) : ask(node, Operation::kernel_call, number, arguments...);
}

// What a thread of another node has used, as the kernel counted it last (at the latest a tick ago): the same figure that
// the process's clock adds up, and without waiting for a processor there. 0: this kernel does not tell.
int64_t counted_ns(int tid) {
  char text[64];
  const long fd = sys::call(SYS_open, (Path() << "/proc/" << tid << "/schedstat").text(), O_RDONLY | O_CLOEXEC);
  if (sys::failed(fd)) return 0;
  const long bytes = sys::call(SYS_read, fd, text, sizeof text);
  sys::call(SYS_close, fd);
  int64_t ns = 0;
  for (long i = 0; i < bytes && text[i] >= '0' && text[i] <= '9'; ++i) ns = ns * 10 + (text[i] - '0');
  return ns;
}

long read_thread_clock(int clock, timespec* time) {
  const NodeId node = node_of_thread_clock(clock);
  if (node == this_node() || !time) return app_call(SYS_clock_gettime, clock, time);
  const int64_t ns = kind_of(clock) == CpuTime::scheduled ? counted_ns(~(clock >> 3)) : 0;
  if (!ns) return ask(node, Operation::kernel_call, SYS_clock_gettime, clock, time);
  *time = {ns / 1'000'000'000, ns % 1'000'000'000};
  return 0;
}

} // namespace

long sys_clock_gettime(Call& call) {
  const int clock = call.number_arg(0);
  if (is_thread_clock(clock)) return read_thread_clock(clock, call.pointer<timespec>(1));
  if (!is_process_clock(clock)) return call.pass();
  const long result = call.pass(); // so that a bad pointer is the kernel's to refuse
  if (result != 0) return result;
  const int64_t now_ns = cpu_time_ns(kind_of(clock));
  *call.pointer<timespec>(1) = {now_ns / 1'000'000'000, now_ns % 1'000'000'000};
  return 0;
}

long sys_clock_getres(Call& call) {
  const int clock = call.number_arg(0);
  return is_thread_clock(clock) ? call_on(node_of_thread_clock(clock), SYS_clock_getres, clock, call.arg(1))
                                : call.pass();
}

// ---- interval timers: one of each kind for the process ----

long sys_getitimer(Call& call) {
  const int which = call.number_arg(0);
  if (which != ITIMER_VIRTUAL && which != ITIMER_PROF) return pass_home(call);
  if (!is_writable(call.pointer<void>(1), sizeof(itimerval))) return -EFAULT;
  *call.pointer<itimerval>(1) = read_cpu_itimer(which);
  return 0;
}

long sys_setitimer(Call& call) {
  const int which = call.number_arg(0);
  if (which != ITIMER_VIRTUAL && which != ITIMER_PROF) return pass_home(call);
  if (!may_read(call, 1, sizeof(itimerval)) || !may_write(call, 2, sizeof(itimerval))) return -EFAULT;
  const itimerval none{};
  const auto* wanted = call.arg(1) ? call.pointer<const itimerval>(1) : &none;
  return set_cpu_itimer(which, *wanted, call.pointer<itimerval>(2));
}

long sys_alarm(Call& call) { return pass_home(call); }

// ---- timers with numbers ----

namespace {

constexpr int kNodeShift = 26;
constexpr int kKernelIdMask = (1 << kNodeShift) - 1;
constexpr int kOurs = 1 << 30;

int number_for(NodeId node, int kernel_id) {
  return static_cast<int>((node.value + node_count() - home_node().value) % node_count()) << kNodeShift | kernel_id;
}
NodeId node_of_timer(int number) {
  return {(static_cast<uint32_t>(number >> kNodeShift) + home_node().value) % node_count()};
}
bool is_ours(int number) { return number > 0 && (number & kOurs); }
bool is_known(int number) { return number >= 0 && static_cast<uint32_t>(number >> kNodeShift) < node_count(); }

NodeId node_for_timer(int clock, const sigevent* event) {
  if (event && event->sigev_notify & SIGEV_THREAD_ID) {
    const wire::ThreadRecord* record = find_thread(event->_sigev_un._tid);
    return record && event->_sigev_un._tid ? NodeId{record->node.load()} : this_node();
  }
  return is_thread_clock(clock) ? node_of_thread_clock(clock) : home_node();
}

// A call about a timer, on the node that has it.
long pass_to_timer(const Call& call) {
  const int number = call.number_arg(0);
  if (!is_known(number)) return call.pass();
  return call_on(node_of_timer(number), call.number(), number & kKernelIdMask, call.arg(1), call.arg(2), call.arg(3));
}

} // namespace

long sys_timer_create(Call& call) {
  const int clock = call.number_arg(0);
  const auto* event = call.pointer<const sigevent>(1);
  auto* number = call.pointer<int>(2);
  if (!may_read(call, 1, sizeof *event) || !is_writable(number, sizeof *number)) return -EFAULT;
  if (is_process_clock(clock)) {
    const long slot = create_cpu_timer(kind_of(clock), event, kOurs);
    if (!sys::failed(slot)) *number = kOurs | static_cast<int>(slot);
    return sys::failed(slot) ? slot : 0;
  }
  const NodeId node = node_for_timer(clock, event);
  int kernel_id = 0;
  const long result =
      call_on(node, SYS_timer_create, is_thread_clock(clock) ? named_thread_clock(clock) : clock, event, &kernel_id);
  if (result != 0) return result;
  if (kernel_id > kKernelIdMask) {
    call_on(node, SYS_timer_delete, kernel_id);
    return -EAGAIN;
  }
  *number = number_for(node, kernel_id);
  return 0;
}

long sys_timer_settime(Call& call) {
  if (!is_ours(call.number_arg(0))) return pass_to_timer(call);
  if (!may_read(call, 2, sizeof(itimerspec)) || !may_write(call, 3, sizeof(itimerspec))) return -EFAULT;
  return set_cpu_timer(call.number_arg(0) & ~kOurs, call.number_arg(1), call.pointer<const itimerspec>(2),
                       call.pointer<itimerspec>(3));
}

long sys_timer_gettime(Call& call) {
  if (!is_ours(call.number_arg(0))) return pass_to_timer(call);
  if (!is_writable(call.pointer<void>(1), sizeof(itimerspec))) return -EFAULT;
  return read_cpu_timer(call.number_arg(0) & ~kOurs, call.pointer<itimerspec>(1));
}

long sys_timer_getoverrun(Call& call) {
  return is_ours(call.number_arg(0)) ? cpu_timer_overrun(call.number_arg(0) & ~kOurs) : pass_to_timer(call);
}

long sys_timer_delete(Call& call) {
  return is_ours(call.number_arg(0)) ? delete_cpu_timer(call.number_arg(0) & ~kOurs) : pass_to_timer(call);
}

} // namespace sp
