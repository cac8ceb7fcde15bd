// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/shared_mapping.hpp"
#include "libsuperproc/syscalls/dispatch.hpp"

#include "libsuperproc/sync/hashed_sleep.hpp"
#include "libsuperproc/syscalls/asker.hpp"
#include "libsuperproc/syscalls/away.hpp"
#include "libsuperproc/syscalls/code_guard.hpp"
#include "libsuperproc/syscalls/copy_first.hpp"
#include "libsuperproc/syscalls/hashed_futex.hpp"
#include "libsuperproc/syscalls/interest.hpp"
#include "libsuperproc/syscalls/mapped_files.hpp"
#include "libsuperproc/syscalls/messages.hpp"
#include "libsuperproc/syscalls/move_first.hpp"
#include "libsuperproc/syscalls/remote.hpp"
#include "libsuperproc/syscalls/segments.hpp"
#include "libsuperproc/syscalls/shown_elsewhere.hpp"
#include "libsuperproc/syscalls/table.hpp"
#include "libsuperproc/syscalls/trace.hpp"
#include "libsuperproc/syscalls/usage.hpp"

namespace sp {

// Every row that is not the kernel's names a function; one that is missing does not link.
#define REFUSED(number, name, error, family, arguments, note)
#define SYSCALL(number, name, route, level, family, arguments, note) SP_DECLARE_##route(name)
#define SP_DECLARE_kernel(name)
#define SP_DECLARE_local(name) [[gnu::visibility("hidden")]] long sys_##name(Call&);
#define SP_DECLARE_home(name) SP_DECLARE_local(name)
#define SP_DECLARE_all(name) SP_DECLARE_local(name)
#define SP_DECLARE_owner(name) SP_DECLARE_local(name)
#include "libsuperproc/syscalls/syscalls.def"
#undef SYSCALL
#undef REFUSED

namespace {

struct Row {
  uint32_t number;
  Handler handler; // null: refused
  int refused_errno;
};

const Row rows[] = {
#define REFUSED(number, name, error, family, arguments, note) {number, nullptr, error},
#define SYSCALL(number, name, route, level, family, arguments, note) SP_ROW_##route(number, name)
#define SP_ROW_kernel(number, name)
#define SP_ROW_local(number, name) {number, sys_##name, 0},
#define SP_ROW_home(number, name) SP_ROW_local(number, name)
#define SP_ROW_all(number, name) SP_ROW_local(number, name)
#define SP_ROW_owner(number, name) SP_ROW_local(number, name)
#include "libsuperproc/syscalls/syscalls.def"
#undef SYSCALL
#undef REFUSED
};

// By number, so that a call finds its row with one load.
struct Entry {
  Handler handler;
  int refused_errno;
};
constexpr uint32_t kEntryCount = kInterestCount;
constinit Entry entries[kEntryCount] = {};

constexpr int kNativeInterest[] = {SYS_clone,
                                   SYS_clone3,
                                   SYS_fork,
                                   SYS_vfork,
                                   SYS_execve,
                                   SYS_execveat,
                                   SYS_rt_sigaction,
                                   SYS_rt_sigprocmask,
                                   SYS_rt_sigsuspend,
                                   SYS_ppoll,
                                   SYS_pselect6,
                                   SYS_epoll_pwait,
                                   SYS_epoll_pwait2,
                                   SYS_sched_setaffinity,
                                   SYS_sched_getaffinity,
                                   SYS_prctl,
                                   SYS_seccomp,
                                   SYS_exit,
                                   SYS_exit_group,
                                   SYS_rt_sigreturn,
                                   SYS_sigaltstack,
                                   SYS_rt_sigpending,
                                   SYS_rt_sigtimedwait,
                                   SYS_signalfd,
                                   SYS_signalfd4,
                                   SYS_kill,
                                   SYS_tgkill,
                                   SYS_rt_tgsigqueueinfo,
                                   SYS_set_robust_list};

bool is_native_interest(uint32_t number) {
  if (entries[number].refused_errno) return true;
  for (int n : kNativeInterest)
    if (static_cast<uint32_t>(n) == number) return true;
  return false;
}

void watch_calls_of_cluster() {
  for (const int number : {SYS_recvmsg, SYS_recvmmsg, SYS_open, SYS_openat})
    sp_interest[number].bits |= kInterestRemote;
  for (const int number : kSegmentCalls) sp_interest[number].bits |= kInterestRemote;
}

} // namespace

void set_interest(Interest interest) {
  for (const Row& row : rows) entries[row.number] = {row.handler, row.refused_errno};
  for (uint32_t n = 0; n < kEntryCount; ++n) {
    const bool ours = entries[n].handler || entries[n].refused_errno;
    sp_interest[n].bits = ours && (interest == Interest::shared || is_native_interest(n)) ? kInterestHandled : 0;
  }
  const bool hashed = interest == Interest::shared && is_isolated();
  if (sp_interest[SYS_futex].bits) sp_interest[SYS_futex].bits |= hashed ? kInterestHashed : kInterestFutex;
  if (vfd::in_cluster()) {
    for (const int number : kUsageCalls) sp_interest[number].bits |= kInterestRemote;
    watch_calls_about_others();
  }
  if (vfd::is_body())
    watch_remote_calls();
  else if (vfd::in_cluster())
    watch_calls_of_cluster();
  if (interest == Interest::shared && is_isolated()) watch_calls_from_away();
  guard_code();
}

bool has_handler(uint32_t number) {
  return number < kEntryCount && (entries[number].handler || entries[number].refused_errno);
}

void watch(uint32_t number, Handler handler) {
  if (handler) __atomic_store_n(&entries[number].handler, handler, __ATOMIC_RELEASE);
  const uint8_t others = sp_interest[number].bits & ~kInterestHandled;
  __atomic_store_n(&sp_interest[number].bits, handler ? others | kInterestHandled : others, __ATOMIC_RELEASE);
  if (!handler) __atomic_store_n(&entries[number].handler, nullptr, __ATOMIC_RELEASE);
}

namespace {
// A locked increment would cost as much as the rest of dispatch; two threads at once may count as one.
template <class Counter>
void count(Counter& counter) {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}
} // namespace

long dispatch(Call& call) {
  const auto number = static_cast<unsigned long>(call.number());
  count(node_record(this_node()).dispatched);
  if (number >= kEntryCount) return call.pass();
  count(control().dispatched_by_number[number]);
  const Entry entry = entries[number];
  if (entry.refused_errno) {
    control().refused_by_number[number].fetch_add(1, std::memory_order_relaxed);
    return -entry.refused_errno;
  }
  if (is_isolated() && is_shared())
    if (const std::optional<long> there = perform_elsewhere(call)) return *there;
  if (vfd::in_cluster() && is_about_others(call.number()))
    if (const std::optional<long> there = about_others(call)) return *there;
  if (vfd::is_body()) {
    if (const std::optional<long> there = perform_remotely(call)) return call.by_shadow = true, *there;
  } else if (vfd::in_cluster()) {
    if (const std::optional<long> there = message_of_cluster(call)) return *there;
    if (const std::optional<long> there = segment_of_cluster(call)) return *there;
    if (number == SYS_open || number == SYS_openat)
      if (const std::optional<long> shown = open_about_moved(call)) return *shown;
  }
  // A trap reaches us for calls without interest as well.
  if (!entry.handler || !((sp_interest[number].bits & kInterestHandled) || number == SYS_rt_sigreturn))
    return call.pass();
  return entry.handler(call);
}

void watch_shared_futexes() {
  for (const long number : {long{SYS_futex}, long{SYS_futex_waitv}, kFutexWake, kFutexWait, kFutexRequeue})
    __atomic_store_n(&sp_interest[number].shared, 1, __ATOMIC_RELEASE);
}

namespace {
bool may_be_shared(long number) {
  return static_cast<unsigned long>(number) < kInterestCount && sp_interest[number].shared;
}

long for_borrower(Call& call) {
  if (vfd::is_body())
    if (const std::optional<long> there = perform_remotely(call)) return call.by_shadow = true, *there;
  if (is_hashed() && call.number() == SYS_futex) return sys_futex(call); // its creator's threads wait, or wake, there
  return call.pass();
}

// What it may not do by itself nevertheless.
bool belongs_to_borrower(long number) {
  return number == SYS_execve || number == SYS_execveat || number == SYS_rt_sigreturn;
}

long perform(Call& call) {
  if (may_be_shared(call.number()))
    if (const std::optional<long> there = futex_of_cluster(call)) return *there;
  if (decides(call.number())) decide_before(call);
  if (may_need_copy(call.number())) copy_before(call);
  const bool borrowed = is_borrower() && !belongs_to_borrower(call.number());
  const bool guarded = is_guarded(call.number());
  if (guarded) before_guarded(call);
  const bool with_files = maps_shared_files();
  const long refused = with_files ? before_file_call(call) : 0;
  const long result = refused ? refused : borrowed ? for_borrower(call) : dispatch(call);
  if (with_files) complete_file_call(call, result);
  if (guarded) after_guarded(call, result);
  if (tells_usage(call.number()) && vfd::in_cluster()) complete_usage(call, result);
  return result;
}
} // namespace

} // namespace sp

InterestWord sp_interest[kInterestCount];

void sp_dispatch(sp::Registers* registers, ucontext_t* trap) {
  sp::Call call{*registers, trap};
  const long result = sp::is_traced(call.number()) ? sp::traced(call, sp::perform) : sp::perform(call);
  registers->rax = static_cast<uint64_t>(result);
}
