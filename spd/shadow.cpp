// SPDX-License-Identifier: Apache-2.0
// sp-shadow: what stays of a SubProcess on the node where it began when its body has moved to another one. It is the very
// process that called exec there, so it has the number, parent, group, session, terminal and open files that the program
// expects; it performs what the body asks about those, hands on the signals that reach it, and ends as the body ends.
//
//   main thread     waits for signals and hands them on
//   taker           takes requests; performs what does not block, gives the rest to a performer; sees what became of the
//                   body
//   performers      one for each call under way that may block
//
// Everything is raw calls and fixed memory after the start, because a shadow is also made by fork, in the taker.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsuperproc/cluster/cluster_memory.hpp"
#include "libsuperproc/cluster/node_mesh.hpp"
#include "libsuperproc/cluster/pause.hpp"
#include "spd/admission.hpp"
#include "spd/departure.hpp"
#include "spd/performers.hpp"
#include "spd/segment.hpp"
#include "spd/shadow_descriptors.hpp"
#include "spd/shadow_credentials.hpp"
#include "spd/shadow_name.hpp"
#include "spd/shadow_pipes.hpp"
#include "spd/unplaced.hpp"

namespace sp::spd {

namespace {

uint32_t record;
uint32_t use; // of the record: in another one this process has no part
wire::Moved& body() { return wire::moved(record); }

// ---- signals ----

template <class... A>
void tell_body_s_node(wire::NodeOperation operation, A... arguments) {
  pause_at(wire::Step::handing_on);
  const HostTid tid{static_cast<int32_t>(sys::call(SYS_gettid))};
  (void)ask_spd({body().shadow_node.load()}, {body().body_node.load()}, tid, operation, record, arguments...);
}

void hand_on(int signal) { tell_body_s_node(wire::NodeOperation::signal_body, signal); }

void hand_on(const siginfo_t& info) {
  if (info.si_signo == wire::kTwinSignal && info.si_code == SI_MESGQ)
    return tell_body_s_node(wire::NodeOperation::notify_twin, info.si_value.sival_int);
  if (info.si_code != SI_QUEUE && info.si_code != SI_MESGQ) return hand_on(info.si_signo);
  tell_body_s_node(wire::NodeOperation::signal_body, info.si_signo, info.si_code, info.si_pid, info.si_uid,
                   info.si_value.sival_ptr);
}

void block_all_signals() {
  const uint64_t all = ~0ull;
  for (int signal = 1; signal <= 64; ++signal) {
    const struct {
      void* handler;
      unsigned long flags, restorer, mask;
    } fallback{};
    sys::call(SYS_rt_sigaction, signal, &fallback, nullptr, sizeof all);
  }
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all);
}

// A child of the body whose program runs in its shadow's process again has ended: its body, which waits beside its
// parent, shall end like it.
void report_home(uint32_t child, int status) {
  wire::Moved& m = wire::moved(child);
  const HostTid tid{static_cast<int32_t>(sys::call(SYS_gettid))};
  m.wait_status.store(status);
  set_state(m, wire::MovedState::ended);
  (void)ask_spd({m.shadow_node.load()}, {m.body_node.load()}, tid, wire::NodeOperation::poke_body, child, m.pid.load());
}

bool has_kin = false; // shadows of the body's own children, forked here

// Nobody else waits for them. One that dies on its way home tells nobody either.
void reap_kin() {
  int status = 0;
  long pid;
  while ((pid = sys::call(SYS_wait4, -1, &status, WNOHANG | __WCLONE, nullptr)) > 0) {
    const uint32_t high = std::min(wire::cluster().moved_high.load(), wire::kMovedCountMax);
    for (uint32_t i = 0; i < high; ++i)
      if (wire::moved(i).shadow_pid.load() == pid && wire::moved(i).state.load() == wire::MovedState::gone_home)
        report_home(i, status);
  }
  has_kin = pid != -ECHILD;
}

// At any SIGCHLD, since one may stand for several. True: `pid` is such a child, of which the body knows by itself.
bool take_ends(pid_t pid) {
  bool known = false;
  const uint32_t high = std::min(wire::cluster().moved_high.load(), wire::kMovedCountMax);
  for (uint32_t i = 0; i < high; ++i) {
    const wire::Moved& m = wire::moved(i);
    const pid_t child = m.shadow_pid.load();
    int status = 0;
    if (m.state.load() != wire::MovedState::gone_home || child <= 0) continue;
    if (sys::call(SYS_wait4, child, &status, WNOHANG, nullptr) == child) report_home(i, status);
    known = known || child == pid;
  }
  return known;
}

[[noreturn]] void pass_signals_on() {
  const uint64_t all = ~0ull;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all); // libc lets its own in when it makes a thread
  main_is_ready();
  for (;;) {
    siginfo_t info;
    const long signal = sys::call(SYS_rt_sigtimedwait, &all, &info, nullptr, sizeof all);
    if (signal == kTakeOnSignal && info.si_pid == sys::call(SYS_getpid)) main_takes_on_credentials();
    else if (signal > 0 && !(signal == SIGCHLD && take_ends(info.si_pid))) hand_on(info);
  }
}

// ---- ends ----

void raise_as_default(int signal) {
  const uint64_t one = 1ull << (signal - 1);
  sys::call(SYS_tgkill, sys::call(SYS_getpid), sys::call(SYS_gettid), signal);
  sys::call(SYS_rt_sigprocmask, SIG_UNBLOCK, &one, nullptr, sizeof one);
  sys::call(SYS_rt_sigprocmask, SIG_BLOCK, &one, nullptr, sizeof one);
}

[[noreturn]] void end_as(int status) {
  leave_pipes(record);
  pause_at(wire::Step::shadow_ends);
  if (!body().undoes.load()) release(body());
  if (WIFSIGNALED(status) && WTERMSIG(status) <= 64) {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    raise_as_default(WTERMSIG(status));
  }
  for (;;) sys::call(SYS_exit_group, WEXITSTATUS(status));
}

// Somebody has written what no process of superproc writes. Nothing in the record can be believed any more: the body is
// killed, as far as it can be found, and this process ends like it.
[[noreturn]] void end_spoiled() {
  fprintf(stderr, "superproc: the record of SubProcess %ld in the cluster's memory was overwritten; it is killed\n",
          sys::call(SYS_getpid));
  hand_on(SIGKILL);
  raise_as_default(SIGKILL);
  for (;;) sys::call(SYS_exit_group, 125);
}

bool stops(int signal) { return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU; }

void look_after_body() {
  const auto state = body().state.load();
  if (state > wire::MovedState::gone_home) end_spoiled();
  if (body().use.load() != use) raise_as_default(SIGKILL); // nobody knows this process any more
  if (state == wire::MovedState::ended) end_as(body().wait_status.load());
  if (body().stopped_by.load() != 0) // exchanged, it would be taken from the body's processor at each request
    if (const int signal = body().stopped_by.exchange(0); stops(signal)) raise_as_default(signal);
  if (has_kin) reap_kin();
}

// ---- requests ----

// As exec would have done.
void detach_all() {
  if (!(body().undoes.load() & wire::kUndoesAttachments)) return;
  FILE* const maps = fopen("/proc/self/maps", "re");
  char line[512];
  while (maps && fgets(line, sizeof line, maps))
    if (strstr(line, " /SYSV")) shmdt(reinterpret_cast<void*>(strtoul(line, nullptr, 16)));
  if (maps) fclose(maps);
  body().undoes.fetch_and(~uint32_t{wire::kUndoesAttachments});
}

void take_requests();

// In the child, which has the taker's thread only.
void become_shadow_of(uint32_t child) {
  wire::moved(child).undoes.store(body().undoes.load() & wire::kUndoesAttachments);
  record = child, use = body().use.load();
  drop_unplaced(body().descriptors);
  forget_performers();
  forget_other_threads_credentials();
  const NodeId here{body().shadow_node.load()};
  const HostTid tid{static_cast<int32_t>(sys::call(SYS_gettid))};
  (void)ask_spd(here, here, tid, wire::NodeOperation::watch_shadow, child);
  pause_at(wire::Step::shadow_forked);
  pthread_t taker;
  pthread_create(&taker, nullptr, [](void*) -> void* { return take_requests(), nullptr; }, nullptr);
  wire::MovedState claimed = wire::MovedState::claimed;
  body().state.compare_exchange_strong(claimed, wire::MovedState::settled);
  NodeBell::wake(state_word(body()), 1 << 30);
  pass_signals_on();
}

enum class Number { chosen, next };

long clone_self(uint32_t child, Number number) {
  const int pid = wire::moved(child).pid.load();
  clone_args arguments{};
  arguments.flags = CLONE_PARENT_SETTID; // it is known before the child runs: who finds none knows that none will come
  arguments.parent_tid = reinterpret_cast<uint64_t>(&wire::moved(child).shadow_pid);
  if (number == Number::chosen) arguments.set_tid = reinterpret_cast<uint64_t>(&pid), arguments.set_tid_size = 1;
  return sys::call(SYS_clone3, &arguments, sizeof arguments);
}

// An ordinary user may not choose the number: spd makes it the next one. Somebody else may get it all the same; the next
// try then fails as well, and the child goes on under another number, which only what names it to this kernel can tell.
long clone_as_next(uint32_t child) {
  const NodeId here{body().shadow_node.load()};
  const HostTid tid{static_cast<int32_t>(sys::call(SYS_gettid))};
  (void)ask_spd(here, here, tid, wire::NodeOperation::next_pid, child);
  const long made = clone_self(child, Number::next);
  if (made != 0) (void)ask_spd(here, here, tid, wire::NodeOperation::old_pids, child);
  return made;
}

long fork_for(uint32_t child) {
  pause_at(wire::Step::shadow_forks);
  leave_pipes(record);
  copy_descriptors(record, child); // now: what is opened meanwhile is not the child's
  long made = clone_self(child, Number::chosen);
  if (made == -EPERM) made = clone_as_next(child);
  if (made == 0) has_kin = false, become_shadow_of(child);
  has_kin = true;
  return made < 0 ? made : 0;
}

// The process has all that the program shall find; it is the body that ends, without a word. Returns -errno.
long come_home() {
  Departed program;
  if (!read_departure(record, program)) return -EINVAL;
  if (access(program.path, X_OK) != 0) return -errno;
  leave_pipes(record);
  if (program.departure.stays) set_state(body(), wire::MovedState::gone_home);
  else release(body());
  const int error = become(program);
  fprintf(stderr, "superproc: %s: cannot run it on its first node: %s\n", program.path, strerror(error));
  for (;;) sys::call(SYS_exit_group, 126);
}

long identify(uint64_t address) {
  if (!in_segment(address, sizeof(wire::Credentials))) return -EFAULT;
  wire::Credentials copy;
  memcpy(&copy, reinterpret_cast<const void*>(address), sizeof copy);
  if (!have_credentials(copy)) return 0;
  take_on_credentials();
  let_main_take_on_credentials();
  return 0;
}

long after_exec(const CallWords& a) {
  leave_pipes(record);
  close_at_exec(record);
  detach_all();
  if (!in_segment(a[0], sizeof body().departure.name) || a[2] > wire::kArgumentsShownMax || !in_segment(a[1], a[2]))
    return -EFAULT;
  be_called(reinterpret_cast<const char*>(a[0]), reinterpret_cast<const char*>(a[1]), a[2]);
  return a[3] ? identify(a[3]) : 0;
}

bool is_claimed_here(uint64_t child) {
  if (child >= wire::moved_count() || child == record) return false;
  const wire::Moved& m = wire::moved(static_cast<uint32_t>(child));
  return m.state.load() == wire::MovedState::claimed && m.shadow_node.load() == body().shadow_node.load();
}

void answer(const Ring& ring, const Ticket& ticket, long result) {
  pause_at(wire::Step::performed);
  Ring(ring).complete(ticket, result);
}

void take_call(const Ring& ring, const TakenRequest& taken) {
  const auto& a = taken.request.arguments;
  leave_pipes_for(record, a);
  const bool poked = taken.request.flags != 0 && taken.request.flags != wire::kOnlyIfReady;
  if (!poked && !may_block(a)) return answer(ring, taken.ticket, perform_call(record, a));
  if (taken.request.flags == wire::kOnlyIfReady) return answer(ring, taken.ticket, wire::kWouldWait);
  if (!give_to_performer(record, ring, taken)) answer(ring, taken.ticket, -EAGAIN);
}

void take(Ring& ring, const TakenRequest& taken) {
  pause_at(wire::Step::taken);
  const auto& a = taken.request.arguments;
  switch (static_cast<wire::ShadowOperation>(taken.request.operation)) {
    case wire::ShadowOperation::call:
      if (const long refused = admit(a)) return answer(ring, taken.ticket, refused);
      return take_call(ring, taken);
    case wire::ShadowOperation::fork:
      return answer(ring, taken.ticket, is_claimed_here(a[0]) ? fork_for(static_cast<uint32_t>(a[0])) : -EINVAL);
    case wire::ShadowOperation::join_pipe:
      return answer(ring, taken.ticket, join_pipe_of(record, a[0], static_cast<wire::PipeWish>(a[1])));
    case wire::ShadowOperation::fill_pipe: return answer(ring, taken.ticket, fill_pipe_of(record, a[0]));
    case wire::ShadowOperation::after_exec: return answer(ring, taken.ticket, after_exec(a));
    case wire::ShadowOperation::identify: return answer(ring, taken.ticket, identify(a[0]));
    case wire::ShadowOperation::come_home: return answer(ring, taken.ticket, come_home());
    case wire::ShadowOperation::interrupt:
      interrupt_performer({static_cast<uint32_t>(a[0]), static_cast<uint32_t>(a[1])});
      return answer(ring, taken.ticket, 0);
    default: return answer(ring, taken.ticket, -ENOSYS);
  }
}

void take_requests() {
  const uint64_t all = ~0ull; // libc has let its own two in, and kTwinSignal, which main waits for, is one of them
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all);
  constexpr int64_t kLookAgainNs = 1'000'000'000; // a bell that others write to may have rung in vain
  Result<Ring> ring = Ring::open(moved_ring_memory(record), kMovedRingBytes);
  const Result<EventChannel> bell = EventChannel::open(moved_bell_line(record));
  if (!ring || !bell) _exit(125);
  pause_at(wire::Step::settled);
  for (;;) {
    look_after_body();
    while (const auto taken = ring->take()) take(*ring, *taken);
    (void)bell->wait(WaitPolicy{}, [&] { return !ring->empty() || bell->local_rung(); }, kLookAgainNs);
    bell->collect_local();
  }
}

void name_of_program(char (&name)[16]) {
  if (body().departure.goes_on) return void(memcpy(name, body().departure.name, sizeof name - 1));
  const char* path = reinterpret_cast<const char*>(wire::transfer_area(record, 0));
  const char* base = path;
  for (const char* p = path; *p && p < path + 4096; ++p)
    if (*p == '/') base = p + 1;
  for (size_t i = 0; i + 1 < sizeof name && base[i]; ++i) name[i] = base[i];
}

} // namespace

} // namespace sp::spd

int main(int, char**) {
  using namespace sp::spd;
  using sp::wire::MovedState;
  block_all_signals();
  const char* text = getenv(sp::wire::kEnvMoved);
  if (!text || sp::map_cluster_of_keeper() != 0)
    return fprintf(stderr, "sp-shadow is started by superproc, not by people\n"), 125;
  if (!find_cluster()) return 125;
  record = static_cast<uint32_t>(atoi(text));
  if (record >= sp::wire::moved_count() || body().pid.load() != getpid()) return 125;
  use = body().use.load();
  sp::pause_at(sp::wire::Step::shadow_starts);
  publish_descriptors(record);
  allow_unplaced();
  char name[16] = {};
  name_of_program(name);
  prctl(PR_SET_NAME, name);
  MovedState leaving = MovedState::leaving;
  body().state.compare_exchange_strong(leaving, MovedState::settled); // first: what is asked of it may end its part
  sp::NodeBell::wake(sp::state_word(body()), 1 << 30);
  pthread_t taker;
  pthread_create(&taker, nullptr, [](void*) -> void* { return take_requests(), nullptr; }, nullptr);
  pass_signals_on();
}
