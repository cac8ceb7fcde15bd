// SPDX-License-Identifier: Apache-2.0
#include "spd/bodies.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "libsuperproc/base/robust_word.hpp"
#include "libsuperproc/cluster/accounts.hpp"
#include "libsuperproc/cluster/credentials.hpp"
#include "libsuperproc/cluster/event_log.hpp"
#include "libsuperproc/cluster/node_mesh.hpp"
#include "libsuperproc/cluster/pause.hpp"
#include "libsuperproc/wire/image.hpp"
#include "spd/begin_as.hpp"
#include "spd/departure.hpp"
#include "spd/isolation.hpp"
#include "spd/process_status.hpp"
#include "spd/report.hpp"
#include "spd/restore.hpp"
#include "spd/segment.hpp"
#include "spd/spaces.hpp"
#include "spd/supervisor.hpp"
#include "spd/waiters.hpp"
#include "vfd/notified_filter.hpp"

extern char** environ;

namespace sp::spd {

namespace {

pid_t first_program = 0;

// ---- a body ----

struct Beginning {
  explicit Beginning(wire::Moved& moved) : record(moved) {}
  wire::Moved& record;
  Departed program;
  RobustWord word{};
  ChildMemory memory;
};
std::list<Beginning> beginnings; // of the thread that serves requests

// In the child.
void begin(void* given) {
  auto& [record, program, word, memory] = *static_cast<Beginning*>(given);
  word.hold(record.begins);
  sys::call(SYS_setpgid, 0, 0);
  sys::call(SYS_close_range, 0, ~0u, 0);
  drop_privileges();
  record.departure.error = become(program);
  sys::call(SYS_exit_group, 127);
}

// A place for it; those whose children have called exec are free.
Beginning& next_beginning(wire::Moved& m) {
  beginnings.remove_if([](const Beginning& earlier) { return earlier.memory.in_use.load() == 0; });
  return beginnings.emplace_back(m);
}

long begin_with_shim(Beginning& beginning, pid_t pid) {
  beginning.record.begins.store(owned_by(pid));
  return begin_as(pid, begin, &beginning, beginning.memory);
}

// The same of one without the shim, which shares nothing with spd but the segment. The kernel asks about its calls from
// here on: its exec waits until spd supervises it. Returns the errno of what failed.
int begin_supervised(wire::Moved& m, const Departed& program) {
  setpgid(0, 0);
  syscall(SYS_close_range, 0, ~0u, 0);
  const long listener = vfd::install_notified_filter();
  m.listener.store(static_cast<int32_t>(sys::failed(listener) ? listener : listener + 1));
  if (sys::failed(listener)) return static_cast<int>(-listener);
  drop_privileges();
  return become(program);
}

// 0 or -errno. Bounded, since the word is anybody's.
long supervise_child(NodeId self, wire::Moved& m, pid_t pid) {
  constexpr int kLookCount = 1000;
  constexpr useconds_t kLookUs = 1000;
  m.supervised.store(1), m.has_shim.store(0);
  int32_t listener = 0;
  for (int i = 0; i < kLookCount && !(listener = m.listener.load()); ++i) usleep(i < 20 ? 50 : kLookUs);
  const long failed = listener > 0 ? supervise(self, pid, listener - 1) : listener ? listener : -EIO;
  if (failed) kill(pid, SIGKILL);
  return failed;
}

// The first program gives its number to the SuperProcess; one without the shim could not say so to those that it starts.
void name_superprocess() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  char name[48];
  snprintf(name, sizeof name, "%d:%lld", getpid(), now.tv_sec * 1'000'000'000ll + now.tv_nsec);
  setenv(wire::kEnvId, name, 1);
}

// ---- what becomes of them ----

// Whose record tells of which child is kept here: what a record says of numbers anybody can change.
struct Child {
  std::atomic<pid_t> pid; // 0: none
  uint32_t use;           // of the record
  std::atomic<bool> stop_is_known;
};
Child children[wire::kMovedCountMax];

void log_end(NodeId self, pid_t pid, int status) {
  if (WIFSIGNALED(status)) log_event(self.value, "%d was killed by signal %d", pid, WTERMSIG(status));
  if (WIFEXITED(status)) log_event(self.value, "%d has ended with status %d", pid, WEXITSTATUS(status));
}

// Nobody begins here with other rights than he has: whose are not those that this node gives to its processes stays where he is.
bool may_begin(const wire::Departure& departure) {
  static const wire::Credentials given = [] {
    wire::Credentials own{};
    read_credentials(own);
    if (own.users[1] != 0) own.effective = own.permitted = own.inheritable = own.ambient = 0; // drop_privileges()
    return own;
  }();
  const wire::Credentials copy = departure.rights;
  return departure.user == getuid() && departure.group == getgid() && are_same(copy, given);
}

// What its child has stored, or somebody else.
int error_of(const wire::Moved& m) {
  const int error = static_cast<const volatile int32_t&>(m.departure.error);
  return error < 0 || error > 4095 ? EIO : error;
}

sigset_t only(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  return set;
}

// True: it ended before it was whole, and who wanted it goes on as if it had never been.
bool failed_to_arrive(wire::Moved& m, NodeId self, int status) {
  const uint32_t failed = wire::kArrivalFailed + (WIFEXITED(status) ? WEXITSTATUS(status) : EIO);
  uint32_t arrival = m.arrival.load();
  do {
    if (arrival == static_cast<uint32_t>(wire::Arrival::none) || arrival == static_cast<uint32_t>(wire::Arrival::arrived))
      return false;
  } while (!m.arrival.compare_exchange_weak(arrival, failed));
  wire::cluster().nodes[self.value].body_count.fetch_sub(1);
  NodeBell::wake(arrival_word(m), 1);
  return true;
}

void begins_no_more(wire::Moved& m) {
  m.begins.store(0);
  NodeBell::wake(begins_word(m), 1);
}

void report(NodeId self, uint32_t record, const siginfo_t& news, int status) {
  wire::Moved& m = wire::moved(record);
  if (m.use.load() != children[record].use || m.state.load() == wire::MovedState::free) return; // its program went home
  if (const int error = error_of(m)) {
    log_event(self.value, "%d could not begin here: %s", news.si_pid, strerror(error));
    wire::cluster().nodes[self.value].body_count.fetch_sub(1);
    return begins_no_more(m);
  }
  if (news.si_code == CLD_STOPPED || news.si_code == CLD_CONTINUED) {
    if (children[record].stop_is_known.exchange(false) && news.si_code == CLD_STOPPED) return;
    m.stopped_by.store(news.si_code == CLD_STOPPED ? news.si_status : 0);
  } else if (!failed_to_arrive(m, self, status)) {
    begins_no_more(m);
    pause_at(wire::Step::body_reaped);
    m.wait_status.store(status);
    set_state(m, wire::MovedState::ended);
    wire::cluster().nodes[self.value].body_count.fetch_sub(1);
    log_end(self, news.si_pid, status);
  }
  if (const auto bell = EventChannel::open(moved_bell_line(record))) bell->notify(wire::kBellLocal);
}

void report_child(NodeId self, const siginfo_t& news, int status, const rusage& used) {
  if (WIFEXITED(status) || WIFSIGNALED(status)) waiter_ended(self, news.si_pid);
  for (uint32_t record = 0; record < wire::kMovedCountMax; ++record) {
    if (children[record].pid.load() != news.si_pid) continue;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      children[record].pid.store(0);
      OpenAccount::find_or_open(news.si_pid).add(UsedBy::self, usage_in(used));
    }
    return report(self, record, news, status);
  }
}

} // namespace

void start_first_program(char** command) {
  first_program = fork();
  if (first_program < 0) give_up(125, "the program cannot be started", errno);
  if (first_program > 0) return log_event(0, "%d is the program: %.150s", first_program, command[0]);
  drop_privileges();
  if (const char* preload = getenv(wire::kEnvPreload)) setenv("LD_PRELOAD", preload, 1);
  unsetenv(wire::kEnvPreload);
  name_superprocess();
  execve(command[0], command + 1, environ);
  const int error = errno;
  give_up(error == ENOENT || error == ENOTDIR ? 127 : 126, (std::string(command[0]) + ": cannot run it").c_str(), error);
}

long signal_first_program(int signal) {
  if (first_program <= 0) return -ESRCH;
  return kill(first_program, signal) == 0 ? 0 : -errno;
}

long start_body(NodeId self, uint32_t record) {
  wire::Moved& m = wire::moved(record);
  if (m.state.load() != wire::MovedState::claimed || m.body_node.load() != self.value) return -EINVAL;
  Beginning& beginning = next_beginning(m);
  Departed& program = beginning.program;
  if (!read_departure(record, program)) return -EINVAL;
  if (!may_begin(program.departure)) return -EPERM;
  m.departure.error = 0;
  const pid_t pid = m.pid.load();
  if (!is_leased(pid)) return -EINVAL;
  children[record].use = m.use.load();
  children[record].stop_is_known.store(false);
  children[record].pid.store(pid);
  const bool supervised = program.departure.without_shim;
  pause_at(wire::Step::body_begins);
  const long made = supervised ? fork_as(pid) : begin_with_shim(beginning, pid);
  if (made == 0) {
    m.departure.error = begin_supervised(m, program);
    _exit(127);
  }
  pause_at(wire::Step::body_begun);
  if (made < 0) return children[record].pid.store(0), made;
  if (const long failed = supervised ? supervise_child(self, m, pid) : 0) return children[record].pid.store(0), failed;
  wire::cluster().nodes[self.value].body_count.fetch_add(1);
  wire::cluster().nodes[self.value].bodies_begun.fetch_add(1);
  log_event(self.value, "%d begins here: %.150s", pid, program.path);
  return 0;
}

long restore_body(NodeId self, uint32_t record) {
  wire::Moved& m = wire::moved(record);
  if (m.state.load() != wire::MovedState::claimed || m.body_node.load() != self.value) return -EINVAL;
  if (!may_begin(m.departure)) return -EPERM;
  m.departure.error = 0;
  const pid_t pid = m.pid.load();
  if (!is_leased(pid)) return -EINVAL;
  children[record].use = m.use.load();
  children[record].stop_is_known.store(false);
  children[record].pid.store(pid);
  wire::cluster().nodes[self.value].body_count.fetch_add(1);
  const long made = restore_as(pid, record, children[record].use);
  if (made < 0) {
    wire::cluster().nodes[self.value].body_count.fetch_sub(1);
    return children[record].pid.store(0), made;
  }
  wire::cluster().nodes[self.value].bodies_begun.fetch_add(1);
  return 0;
}

long stop_body(uint32_t record) {
  const pid_t pid = wire::moved(record).pid.load();
  const auto status = is_leased(pid) ? status_of(pid) : std::nullopt;
  if (!status) return -ESRCH;
  if (status->stopped) return 0;
  if (children[record].pid.load() == pid) children[record].stop_is_known.store(true);
  return kill(pid, SIGSTOP) == 0 ? 0 : -errno;
}

void block_ends() {
  const sigset_t ends = only(SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
}

namespace {
std::mutex residents_lock;
struct Resident {
  uint32_t space;
  pid_t subprocess;
};
std::map<pid_t, Resident> residents; // of this node

void report_resident(NodeId self, pid_t pid, int status) {
  const std::lock_guard held(residents_lock);
  const auto found = residents.find(pid);
  if (found == residents.end() || WIFSTOPPED(status) || WIFCONTINUED(status)) return;
  auto& ended = wire::cluster().spaces[found->second.space].ended[self.value];
  ended.store(wire::kResidentEnded | static_cast<uint32_t>(status));
  NodeBell::wake(reinterpret_cast<const volatile uint32_t*>(&ended), 1);
  let_go_for_child(self, found->second.space); // only now may another SubProcess have it
  residents.erase(found);
}
} // namespace

long start_resident(NodeId self, uint64_t space, uint64_t home, pid_t subprocess) {
  if (space >= wire::kSpaceCountMax || home >= kNodeCountMax) return -EINVAL;
  const std::lock_guard held(residents_lock); // its end is not reported before it is known
  const long made = restore(wire::kKeeperPools + static_cast<uint32_t>(home),
                            wire::pool_offset(static_cast<uint32_t>(space), wire::kImageHome));
  if (made < 0) return made;
  residents[static_cast<pid_t>(made)] = {static_cast<uint32_t>(space), subprocess};
  hold_for_child(self, static_cast<uint32_t>(space));
  return made;
}

pid_t resident_of(pid_t subprocess, pid_t thread) {
  const std::lock_guard held(residents_lock);
  for (const auto& [pid, resident] : residents)
    if (resident.subprocess == subprocess && syscall(SYS_tgkill, pid, thread, 0) == 0) return pid;
  return 0;
}

void reap_until_empty(NodeId self) {
  const sigset_t ends = only(SIGCHLD);
  for (;;) {
    siginfo_t news{};
    if (waitid(P_ALL, 0, &news, WEXITED | WSTOPPED | WCONTINUED | WNOWAIT) != 0) {
      if (first_program) return;
      sigwaitinfo(&ends, nullptr); // of a body that begins, or of an orphan that comes to us
      continue;
    }
    int status = 0;
    // It may be over by now, and others wait to be reported.
    const int wanted = WNOHANG | (news.si_code == CLD_STOPPED ? WUNTRACED : news.si_code == CLD_CONTINUED ? WCONTINUED : 0);
    rusage used{};
    if (wait4(news.si_pid, &status, wanted, &used) != news.si_pid) continue;
    if (news.si_pid == first_program && (WIFEXITED(status) || WIFSIGNALED(status))) {
      log_end(self, first_program, status);
      report_end(status);
    }
    report_child(self, news, status, used);
    report_resident(self, news.si_pid, status);
  }
}

} // namespace sp::spd
