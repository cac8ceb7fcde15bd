// SPDX-License-Identifier: Apache-2.0
// spd, the daemon of an isolated node: the first process of its namespaces. `spctl run --isolate` and `spctl up` start one for
// each node; nobody else has a reason to. It furnishes the node, begins bodies that others ask for, reports how they end, and
// adopts orphans.
//
//   spd NODE SEGMENTS REPORT [FILE ARGUMENTS...]    descriptors of the cluster segment, of each node's pool and, if it has
//                                                   one, of the node's board, with commas between, and of the launcher's
//                                                   pipe; the first node's spd runs the program, if there is one: a
//                                                   cluster that lasts has none
// Threads: one serves requests, three watch processes that are not its children, the main one reaps its children.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/cluster/cluster_memory.hpp"
#include "libsuperproc/cluster/event_log.hpp"
#include "libsuperproc/cluster/node_cpus.hpp"
#include "spd/agent.hpp"
#include "spd/bodies.hpp"
#include "spd/isolation.hpp"
#include "spd/notified_filter.hpp"
#include "spd/report.hpp"
#include "spd/segment.hpp"
#include "spd/spaces.hpp"
#include "spd/stops.hpp"
#include "spd/waiters.hpp"
#include "spd/watch.hpp"
#include "vpid/numbers.hpp"

namespace {

// Holds the cluster segment and the pools for programs of the node to open through /proc. It has no privilege that they
// have not, or the kernel would not let them. Nobody waits for it (no exit signal), so it does not count as one of the
// node's processes.
void start_keeper(const std::vector<int>& segments) {
  clone_args arguments{};
  int ready[2];
  const long made = pipe2(ready, O_CLOEXEC) == 0 ? syscall(SYS_clone3, &arguments, sizeof arguments) : -1;
  if (made < 0) sp::spd::give_up(125, "an isolated node cannot be started", errno);
  if (made > 0) {
    char nothing;
    close(ready[1]);
    (void)!read(ready[0], &nothing, 1); // until it has closed its end
    close(ready[0]);
    return;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sp::spd::drop_privileges();
  prctl(PR_SET_DUMPABLE, 1);
  constexpr int kAbove = 64; // of the places that they shall have
  std::vector<int> moved;
  for (const int segment : segments) moved.push_back(fcntl(segment, F_DUPFD, kAbove));
  close(0), close(1), close(2);
  int place = sp::wire::kKeeperSegment;
  for (const int segment : moved) dup2(segment, place++);
  syscall(SYS_close_range, place, ~0u, 0);
  for (;;) pause();
}

// The program alone has the launcher's descriptors: spd must not keep the other end of its pipes open.
void let_go_of_descriptors(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  int first = 3;
  for (const int one : kept) {
    if (one > first) syscall(SYS_close_range, first, one - 1, 0);
    first = one + 1;
  }
  syscall(SYS_close_range, first, ~0u, 0);
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int n = 0; n < 3; ++n) dup2(nothing, n);
}

std::vector<int> numbers(const char* list) {
  std::vector<int> result{atoi(list)};
  while ((list = strchr(list, ','))) result.push_back(atoi(++list));
  return result;
}

void open_event_log() {
  const char* const given = getenv(sp::wire::kEnvEventLog);
  const char* const path = given ? strchr(given, ':') : nullptr;
  const int file = path ? open(path + 1, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
  if (file < 0) return;
  sp::event_log_cluster = atoi(given);
  sp::event_log = sp::map_event_log(file);
  close(file);
}

// A node of another domain has told somebody else why: its launcher is that domain's `spctl join`.
[[noreturn]] void give_up_for(uint32_t node) {
  char text[100];
  const int domain = sp::wire::cluster().nodes[node].domain;
  const int at = snprintf(text, sizeof text, "node %u ended before the program began", node);
  if (domain) snprintf(text + at, sizeof text - at, "; `spctl join` in domain %d said why", domain);
  sp::spd::give_up(125, text);
}

// The program shall not begin when the cluster cannot be whole: the launcher is told so by the node that cannot, or by
// the cluster's parent, who sees it end; else here.
void await_other_nodes() {
  constexpr int64_t kLookAgainNs = 10'000'000;
  for (uint32_t n = 1; n < sp::spd::node_count(); ++n) {
    const auto& state = sp::wire::cluster().nodes[n].state;
    while (state.load() == sp::wire::SpdState::absent)
      sp::NodeBell::sleep(reinterpret_cast<const volatile uint32_t*>(&state), 0, kLookAgainNs);
    if (state.load() == sp::wire::SpdState::dead) give_up_for(n);
  }
}

} // namespace

int main(int count, char** arguments) {
  if (count < 4) {
    fprintf(stderr, "spd is started by spctl: spctl run --isolate --nodes 2 -- PROGRAM\n");
    return 125;
  }
  const sp::NodeId self{static_cast<uint32_t>(atoi(arguments[1]))};
  const std::vector<int> segments = numbers(arguments[2]);
  const int report = atoi(arguments[3]);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "spd");
  sp::spd::report_to(report);
  open_event_log();
  sp::spd::map_cluster(segments[0]);
  unsetenv(sp::wire::kEnvEventLog);
  const uint32_t node_count = sp::spd::node_count();
  const bool has_board = sp::wire::cluster().has_boards;
  if (self.value >= node_count || segments.size() != 1 + node_count + has_board) return 125;
  if (has_board && sp::have_board(segments.back()) != 0) return 125;
  sp::spd::write_notified_filter(sp::wire::notified_filter());
  sp::spd::furnish(self);
  sp::keep_to_node_cpus(self, sp::wire::cluster().cores_per_node);
  for (const int segment : segments) fcntl(segment, F_SETFD, FD_CLOEXEC);
  start_keeper(segments);
  sp::spd::have_pools({segments.begin() + 1, segments.begin() + 1 + node_count});
  if (!sp::vpid::set_next_pid(sp::spd::lease_of(self).first))
    sp::spd::give_up(125, "an isolated node cannot choose process numbers (ns_last_pid)", errno);
  const bool has_program = self.value == 0 && count >= 6;
  if (has_program) {
    await_other_nodes();
    sp::spd::start_first_program(arguments + 4);
  } else {
    sp::spd::close_report();
  }
  std::vector<int> kept(segments.begin() + 1, segments.end());
  kept.push_back(report);
  let_go_of_descriptors(kept);
  for (int signal : {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTERM, SIGPIPE}) std::signal(signal, SIG_IGN);
  sp::spd::block_ends();
  std::thread(sp::spd::serve, self).detach();
  std::thread(sp::spd::watch_all, self).detach();
  std::thread(sp::spd::watch_holders, self).detach();
  std::thread(sp::spd::watch_stops, self).detach();
  std::thread(sp::spd::watch_waiters, self).detach();
  sp::spd::reap_until_empty(self);
  _exit(0);
}
