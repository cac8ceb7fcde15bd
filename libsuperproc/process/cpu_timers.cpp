// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/cpu_timers.hpp"

#include <initializer_list>
#include <sys/resource.h>

#include "libsuperproc/base/lock.hpp"
#include "libsuperproc/cluster/thread_signal.hpp"
#include "libsuperproc/process/service_thread.hpp"

namespace sp {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kSoonestNs = 1'000'000;
constexpr int kSlotCount = 64;
constexpr int kLimitSlot = kSlotCount - 1, kProfSlot = kSlotCount - 2, kVirtualSlot = kSlotCount - 3;
constexpr int kProgramSlotCount = kVirtualSlot;

struct CpuTimer {
  bool used;
  CpuTime kind;
  int32_t signal; // 0: none
  int32_t tid;    // 0: the process
  int32_t number; // the program's name for it, 0: of the process
  uint64_t value;
  int64_t next_ns; // of CPU time, 0: not armed
  int64_t interval_ns;
  int32_t overrun;
};

struct CpuTimerTable {
  Lock lock;
  std::atomic<uint32_t> running; // the watch
  std::atomic<uint32_t> changes; // futex word that the watch sleeps on
  uint32_t reserved;
  CpuTimer timers[kSlotCount];
};

CpuTimerTable& table() { return *reinterpret_cast<CpuTimerTable*>(wire::kCpuTimerTable); }
const volatile uint32_t* change_word() { return reinterpret_cast<const volatile uint32_t*>(&table().changes); }

// ---- the watch ----

void send(const CpuTimer& timer) {
  if (!timer.number) { // the kernel's own: SI_KERNEL, which nobody else may send
    sys::call(SYS_kill, control().identity.pid, timer.signal);
    return;
  }
  siginfo_t info{};
  info.si_signo = timer.signal;
  info.si_code = SI_TIMER;
  info.si_timerid = timer.number;
  info.si_overrun = timer.overrun;
  info.si_value.sival_ptr = pointer_to<void>(timer.value);
  if (!timer.tid) {
    sys::call(SYS_rt_sigqueueinfo, control().identity.pid, timer.signal, &info);
    return;
  }
  for (uint32_t n = 0; n < node_count(); ++n)
    if (send_to_thread({n}, timer.tid, timer.signal, info) != -ESRCH) return;
}

void fire(CpuTimer& timer, int64_t now_ns) {
  const int64_t late_ns = now_ns - timer.next_ns;
  timer.overrun = timer.interval_ns ? static_cast<int32_t>(late_ns / timer.interval_ns) : 0;
  timer.next_ns = timer.interval_ns ? timer.next_ns + (timer.overrun + 1) * timer.interval_ns : 0;
  if (timer.signal) send(timer);
}

// The soft limit is a signal for every second from then on, the hard one the end.
void check_limit(CpuTimer& timer, int64_t now_ns) {
  rlimit limit{};
  sys::call(SYS_prlimit64, 0, RLIMIT_CPU, nullptr, &limit);
  if (static_cast<uint64_t>(now_ns / kSecondNs) >= limit.rlim_max) sys::call(SYS_kill, control().identity.pid, SIGKILL);
  fire(timer, now_ns);
}

// Returns how much CPU time the nearest timer has left, or -1: none is armed.
int64_t look() {
  Holding holding(table().lock);
  int64_t left_ns = -1;
  for (int i = 0; i < kSlotCount; ++i) {
    CpuTimer& timer = table().timers[i];
    if (!timer.used || !timer.next_ns) continue;
    const int64_t now_ns = cpu_time_ns(timer.kind);
    if (now_ns >= timer.next_ns) i == kLimitSlot ? check_limit(timer, now_ns) : fire(timer, now_ns);
    if (timer.next_ns && (left_ns < 0 || timer.next_ns - now_ns < left_ns)) left_ns = timer.next_ns - now_ns;
  }
  return left_ns;
}

void watch_main(void*) {
  for (;;) {
    const uint32_t seen = table().changes.load();
    const int64_t left_ns = look();
    const int64_t sleep_ns = left_ns / (control().thread_count.load() + 1);
    NodeBell::sleep(change_word(), seen, left_ns < 0 ? -1 : sleep_ns < kSoonestNs ? kSoonestNs : sleep_ns);
  }
}

// ---- arming ----

int64_t in_ns(const timespec& time) { return time.tv_sec * kSecondNs + time.tv_nsec; }
timespec from_ns(int64_t ns) { return {ns / kSecondNs, ns % kSecondNs}; }
bool is_valid(const timespec& time) { return time.tv_sec >= 0 && time.tv_nsec >= 0 && time.tv_nsec < kSecondNs; }
timespec from_us(const timeval& time) { return {time.tv_sec, time.tv_usec * 1000}; }
timeval to_us(const timespec& time) { return {time.tv_sec, time.tv_nsec / 1000}; }

void ensure_watch() {
  if (table().running.load()) return;
  if (at_home())
    start_cpu_watch();
  else
    ask(home_node(), Operation::watch_cpu_time);
}

void look_again() {
  table().changes.fetch_add(1);
  NodeBell::wake(change_word(), 1);
}

itimerspec setting_of(const CpuTimer& timer) {
  itimerspec setting{};
  setting.it_interval = from_ns(timer.interval_ns);
  if (timer.next_ns) {
    const int64_t left_ns = timer.next_ns - cpu_time_ns(timer.kind);
    setting.it_value = from_ns(left_ns > 0 ? left_ns : 1);
  }
  return setting;
}

void arm(CpuTimer& timer, const itimerspec& wanted, bool absolute) {
  const int64_t value_ns = in_ns(wanted.it_value);
  timer.interval_ns = in_ns(wanted.it_interval);
  timer.overrun = 0;
  timer.next_ns = value_ns == 0 || absolute ? value_ns : cpu_time_ns(timer.kind) + value_ns;
}

CpuTimer* find(int slot) {
  return slot >= 0 && slot < kProgramSlotCount && table().timers[slot].used ? &table().timers[slot] : nullptr;
}

int itimer_slot(int which) { return which == ITIMER_PROF ? kProfSlot : kVirtualSlot; }

} // namespace

int64_t resident_cpu_time_ns(uint64_t kind) {
  constexpr uint32_t kSelf = 0;
  timespec used{};
  const auto clock = static_cast<int32_t>(~kSelf << 3 | static_cast<uint32_t>(kind & 3));
  return sys::call(SYS_clock_gettime, clock, &used) == 0 ? in_ns(used) : 0;
}

int64_t cpu_time_ns(CpuTime kind) {
  int64_t sum_ns = 0;
  if (is_isolated() && is_shared()) {
    for_other_nodes([&](NodeId node) { sum_ns += ask(node, Operation::cpu_time, static_cast<uint64_t>(kind)); });
    return sum_ns + resident_cpu_time_ns(static_cast<uint64_t>(kind));
  }
  for (uint32_t n = 0; n < node_count(); ++n) {
    const auto pid = static_cast<uint32_t>(node_record({n}).host_pid.load());
    timespec used{};
    const auto clock = static_cast<int32_t>(~pid << 3 | static_cast<uint32_t>(kind));
    if (pid && sys::call(SYS_clock_gettime, clock, &used) == 0) sum_ns += in_ns(used);
  }
  return sum_ns;
}

long start_cpu_watch() {
  if (table().running.exchange(1)) return 0;
  if (start_service_thread(wire::kNodeCpuWatch, Descriptors::shared, watch_main, nullptr)) return 0;
  table().running.store(0);
  return -EAGAIN;
}

long create_cpu_timer(CpuTime kind, const sigevent* event, int number_base) {
  ensure_watch();
  Holding holding(table().lock);
  for (int slot = 0; slot < kProgramSlotCount; ++slot) {
    CpuTimer& timer = table().timers[slot];
    if (timer.used) continue;
    timer = {true, kind, SIGALRM, 0, number_base | slot, static_cast<uint64_t>(number_base | slot), 0, 0, 0};
    if (!event) return slot;
    timer.value = address_of(event->sigev_value.sival_ptr);
    timer.signal = event->sigev_notify == SIGEV_NONE ? 0 : event->sigev_signo;
    if (event->sigev_notify & SIGEV_THREAD_ID) timer.tid = event->_sigev_un._tid;
    return slot;
  }
  return -EAGAIN;
}

long set_cpu_timer(int slot, int flags, const itimerspec* wanted, itimerspec* before) {
  if (!wanted || !is_valid(wanted->it_value) || !is_valid(wanted->it_interval)) return -EINVAL;
  {
    Holding holding(table().lock);
    CpuTimer* timer = find(slot);
    if (!timer) return -EINVAL;
    const itimerspec old = setting_of(*timer);
    arm(*timer, *wanted, flags & TIMER_ABSTIME);
    if (before) *before = old;
  }
  look_again();
  return 0;
}

long read_cpu_timer(int slot, itimerspec* now) {
  Holding holding(table().lock);
  const CpuTimer* timer = find(slot);
  if (!timer) return -EINVAL;
  *now = setting_of(*timer);
  return 0;
}

long cpu_timer_overrun(int slot) {
  Holding holding(table().lock);
  const CpuTimer* timer = find(slot);
  return timer ? timer->overrun : -EINVAL;
}

long delete_cpu_timer(int slot) {
  Holding holding(table().lock);
  CpuTimer* timer = find(slot);
  if (!timer) return -EINVAL;
  timer->used = false;
  return 0;
}

itimerval read_cpu_itimer(int which) {
  Holding holding(table().lock);
  const itimerspec now = setting_of(table().timers[itimer_slot(which)]);
  return {to_us(now.it_interval), to_us(now.it_value)};
}

long set_cpu_itimer(int which, const itimerval& wanted, itimerval* before) {
  const itimerspec setting{from_us(wanted.it_interval), from_us(wanted.it_value)};
  if (!is_valid(setting.it_value) || !is_valid(setting.it_interval)) return -EINVAL;
  if (before) *before = read_cpu_itimer(which);
  {
    Holding holding(table().lock);
    CpuTimer& timer = table().timers[itimer_slot(which)];
    const bool profile = which == ITIMER_PROF;
    timer = {true, profile ? CpuTime::user_and_system : CpuTime::user, profile ? SIGPROF : SIGVTALRM, 0, 0, 0, 0, 0, 0};
    arm(timer, setting, false);
    if (!timer.next_ns) return 0;
  }
  ensure_watch();
  look_again();
  return 0;
}

void take_over_cpu_timers() {
  for (const int which : {ITIMER_VIRTUAL, ITIMER_PROF}) {
    const itimerval off{};
    itimerval set{};
    sys::call(SYS_getitimer, which, &set);
    if (!set.it_value.tv_sec && !set.it_value.tv_usec) continue;
    sys::call(SYS_setitimer, which, &off, nullptr);
    set_cpu_itimer(which, set, nullptr);
  }
  watch_cpu_limit();
}

void watch_cpu_limit() {
  rlimit limit{};
  sys::call(SYS_prlimit64, 0, RLIMIT_CPU, nullptr, &limit);
  const uint64_t seconds = limit.rlim_cur < limit.rlim_max ? limit.rlim_cur : limit.rlim_max;
  {
    Holding holding(table().lock);
    CpuTimer& timer = table().timers[kLimitSlot];
    timer = {};
    if (seconds > INT32_MAX) return;
    const auto first_ns = static_cast<int64_t>(seconds ? seconds : 1) * kSecondNs;
    timer = {true, CpuTime::user_and_system, SIGXCPU, 0, 0, 0, first_ns, kSecondNs, 0};
  }
  ensure_watch();
  look_again();
}

} // namespace sp
