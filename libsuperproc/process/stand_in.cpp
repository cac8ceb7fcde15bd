// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/stand_in.hpp"

#include <asm/prctl.h>
#include <cerrno>
#include <csignal>
#include <linux/sched.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/restarting.hpp"
#include "libsuperproc/cluster/thread_signal.hpp"
#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/process/process_table.hpp"
#include "libsuperproc/process/service_thread.hpp"
#include "libsuperproc/signal/delivery.hpp"
#include "libsuperproc/sync/stop_world.hpp"

namespace sp {

namespace {

enum class Form : uint64_t { clone, fork, exec, prctl, call };
enum Word : uint32_t { kNothing = 0, kAsked, kAnswered, kLeave };

struct Errand {
  Form form;
  uint64_t arguments[7]; // of a call, its number last
  uint64_t mask;
  Inheritance inheritance;
  long result;
  int raised; // by the call, for the thread that made it: SIGPIPE, SIGXFSZ; 0: nothing
};

} // namespace

// Behind its stack, in memory of the thread's node.
struct StandIn {
  std::atomic<uint32_t> asked;    // kAsked, kLeave; it sleeps on this one
  std::atomic<uint32_t> answered; // kAnswered; its thread sleeps on this one. With kAwaitedMark: a signal was put off
  volatile uint32_t alive;        // a futex word that the kernel clears
  Errand* errand;
  StandIn* former;       // of the same thread
  uint64_t filters;      // that it has
  uint32_t user_changes; // of the process, when it was made
  std::atomic<int32_t> tid;
  uint64_t place() const { return address_of(this) - wire::kNodeServiceBytes; }
};

namespace {

// A fault on the program's memory must be able to reach its handler (base/peek.hpp).
constexpr uint64_t kOpen = 1ull << (SIGSYS - 1) | 1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1);
constexpr uint64_t kEndCall = 0x6c6c6163'646e65; // no program's sigqueue carries it
constexpr uint64_t kBytes = wire::kNodeServiceBytes + wire::kPageBytes;
thread_local constinit StandIn* stand_in = nullptr;

const volatile uint32_t* raw(const std::atomic<uint32_t>& word) {
  return reinterpret_cast<const volatile uint32_t*>(&word);
}
void tell(std::atomic<uint32_t>& word, Word value) {
  word.store(value);
  NodeBell::wake(raw(word), 1);
}
Word await(std::atomic<uint32_t>& word) {
  for (uint32_t seen; ((seen = word.load()) & ~kAwaitedMark) == kNothing;) NodeBell::sleep(raw(word), seen);
  return static_cast<Word>(word.exchange(kNothing) & ~kAwaitedMark);
}

uint64_t set_mask(uint64_t mask) {
  uint64_t before = 0;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &before, sizeof mask);
  return before;
}

// ---- the stand-in ----

// Every signal is blocked here, so they stay pending.
void make_pending(uint64_t signals) {
  for (int signal = 1; signal <= 64; ++signal)
    if (signals >> (signal - 1) & 1) sys::call(SYS_tgkill, sys::call(SYS_getpid), sys::call(SYS_gettid), signal);
}

// What the kernel has sent to this thread for what the call did.
int take_raised(long result) {
  if (result != -EPIPE && result != -EFBIG) return 0;
  const uint64_t by_calls = 1ull << (SIGPIPE - 1) | 1ull << (SIGXFSZ - 1);
  const timespec none{};
  const long signal = sys::call(SYS_rt_sigtimedwait, &by_calls, nullptr, &none, sizeof by_calls);
  return signal > 0 ? static_cast<int>(signal) : 0;
}

long perform_call(Errand& errand) {
  const long result = perform_as_home(static_cast<long>(errand.arguments[6]), errand.arguments);
  errand.raised = take_raised(result);
  return result;
}

long with_mask(uint64_t mask, const Errand& errand) {
  const auto* a = errand.arguments;
  const uint64_t before = set_mask(mask);
  const long result =
      errand.form == Form::clone ? sp_clone_call(a[0], a[1], a[2], a[3], a[4]) : app_call(SYS_execve, a[0], a[1], a[2]);
  set_mask(before);
  return result;
}

void become_like_the_thread(StandIn& self, const Inheritance& inheritance) {
  take_on(inheritance, self.filters);
  self.filters = inheritance.filters;
  if (!inheritance.affinity_chosen) sys::call(SYS_sched_setaffinity, 0, sizeof(wire::CpuMask), &control().logical_cpus);
}

long perform(StandIn& self, Errand& errand) {
  const auto* a = errand.arguments;
  if (errand.form == Form::call) return perform_call(errand);
  if (errand.form == Form::prctl) return sys::call(SYS_prctl, a[0], a[1], 0, 0, 0);
  become_like_the_thread(self, errand.inheritance);
  if (errand.form == Form::fork) return fork_for(*pointer_to<ForkRequest>(a[0]));
  if (errand.form == Form::exec) make_pending(a[3]);
  return with_mask(errand.mask, errand);
}

void stand_in_main(void* argument) {
  StandIn& self = *static_cast<StandIn*>(argument);
  self.tid.store(static_cast<int32_t>(sys::call(SYS_gettid)));
  set_mask(~kOpen);
  for (;;) {
    if (await(self.asked) == kLeave) sp_exit_thread(0);
    self.errand->result = perform(self, *self.errand);
    tell(self.answered, kAnswered);
  }
}

// ---- its thread ----

bool is_current(const StandIn& s) { return s.user_changes == process_table().user_changes.load(); }

bool have_stand_in() {
  if (stand_in && is_current(*stand_in)) return true;
  const long at = memory::map_for_shim(kBytes);
  if (sys::failed(at)) return false;
  auto* fresh = pointer_to<StandIn>(static_cast<uint64_t>(at) + wire::kNodeServiceBytes);
  fresh->former = stand_in;
  fresh->user_changes = process_table().user_changes.load();
  if (ask(home_node(), Operation::start_stand_in, fresh) != 0) {
    memory::unmap_for_shim(static_cast<uint64_t>(at), kBytes);
    return false;
  }
  stand_in = fresh;
  return true;
}

long send(Errand& errand) {
  if (!have_stand_in()) return -EAGAIN;
  const uint64_t before = set_mask(~0ull);
  stand_in->errand = &errand;
  tell(stand_in->asked, kAsked);
  await(stand_in->answered);
  set_mask(before);
  return errand.result;
}

// ---- calls ----

void end_call_of(const StandIn& s) {
  siginfo_t info{};
  info.si_code = SI_QUEUE;
  info.si_value.sival_ptr = pointer_to<void>(kEndCall);
  (void)send_to_thread(home_node(), s.tid.load(), SIGSYS, info);
}

// The stand-in may not have reached the kernel yet when it is told to end its call, so it is told again.
void await_answer(StandIn& s) {
  constexpr int64_t kAgainNs = 10'000'000;
  for (uint32_t seen; ((seen = s.answered.load()) & ~kAwaitedMark) == kNothing;) {
    const bool put_off = seen & kAwaitedMark;
    if (put_off) end_call_of(s);
    NodeBell::sleep(raw(s.answered), seen, put_off ? kAgainNs : -1);
  }
  s.answered.store(kNothing);
}

struct Ended {
  long result;
  bool again; // if it was interrupted: no handler speaks against it
};

Ended perform_once(Errand& errand, const uint64_t* mask) {
  const OutOfReach calling(stand_in->answered);
  if (mask) set_mask(*mask);
  stand_in->errand = &errand;
  tell(stand_in->asked, kAsked);
  if (critical_state.put_off) stand_in->answered.fetch_or(kAwaitedMark);
  await_answer(*stand_in);
  const bool again = !critical_state.put_off || put_off_restarts();
  return {errand.result, again};
}

} // namespace

long (*perform_as_home)(long number, const uint64_t* arguments) = nullptr;

bool is_end_call(const siginfo_t* info) {
  return info->si_code == SI_QUEUE && address_of(info->si_value.sival_ptr) == kEndCall;
}

long perform_at_home(long number, const uint64_t (&a)[6], const uint64_t* mask) {
  if (!have_stand_in()) return -EAGAIN;
  Errand errand{Form::call, {a[0], a[1], a[2], a[3], a[4], a[5], static_cast<uint64_t>(number)}, 0, {}, 0, 0};
  uint64_t own_mask = 0;
  if (mask) sys::call(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &own_mask, sizeof own_mask);
  for (;;) {
    const uint32_t delivered = delivered_count();
    const Ended ended = perform_once(errand, mask);
    if (mask) set_mask(own_mask);
    if (errand.raised) sys::call(SYS_tgkill, node_private().host_pid, thread_self.tid, errand.raised);
    if (ended.result != -EINTR) return ended.result;
    const bool unseen = delivered == delivered_count(); // somebody else took the signal
    if (!unseen && (!ended.again || never_restarts(number))) return -EINTR;
  }
}

bool start_stand_in(StandIn& s) {
  s.alive = 1;
  return start_service_thread(s.place(), Descriptors::shared, stand_in_main, &s, &s.alive).has_value();
}

long clone_at_home(uint64_t flags, uint64_t frame, uint64_t parent_tid, uint64_t child_tid, uint64_t tls,
                   uint64_t mask) {
  if (!(flags & CLONE_SETTLS)) {
    flags |= CLONE_SETTLS;
    sys::call(SYS_arch_prctl, ARCH_GET_FS, &tls);
  }
  Errand errand{Form::clone, {flags, frame, parent_tid, child_tid, tls, 0}, mask, own_inheritance(), 0, 0};
  return send(errand);
}

bool ready_to_fork_at_home() { return have_stand_in(); }

long fork_at_home(ForkRequest& request) {
  Errand errand{Form::fork, {address_of(&request), 0, 0, 0, 0, 0, 0}, 0, own_inheritance(), 0, 0};
  return send(errand);
}

long exec_at_home(uint64_t path, uint64_t arguments, uint64_t environment, uint64_t mask, uint64_t pending) {
  Errand errand{Form::exec, {path, arguments, environment, pending, 0, 0}, mask, own_inheritance(), 0, 0};
  return send(errand);
}

long prctl_at_home(uint64_t option, uint64_t argument) {
  Errand errand{Form::prctl, {option, argument, 0, 0, 0, 0}, 0, {}, 0, 0};
  return send(errand);
}

void dismiss_stand_ins() {
  while (StandIn* leaving = stand_in) {
    stand_in = leaving->former;
    tell(leaving->asked, kLeave);
    constexpr int64_t kLookAgainNs = 1'000'000; // home's kernel clears it, and wakes its own threads only
    while (const uint32_t alive = leaving->alive) sys::futex_wait(&leaving->alive, alive, kLookAgainNs);
    memory::unmap_for_shim(leaving->place(), kBytes);
  }
}

void forget_stand_ins() {
  while (StandIn* lost = stand_in) {
    stand_in = lost->former;
    memory::unmap_for_shim(lost->place(), kBytes);
  }
}

} // namespace sp
