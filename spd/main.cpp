// SPDX-License-Identifier: Apache-2.0
// spd, the daemon of an isolated node: the first process of its namespaces. `spctl run --isolate` starts one for each
// node; nobody else has a reason to. It furnishes the node, begins bodies that others ask for, reports how they end, and
// adopts orphans.
//
//   spd NODE SEGMENT REPORT [FILE ARGUMENTS...]     descriptors of the cluster segment and of the launcher's pipe; the
//                                                   first node's spd runs the program
// Threads: one serves requests, one watches processes that are not its children, the main one reaps its children.
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

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/cluster.hpp"
#include "spd/agent.hpp"
#include "spd/bodies.hpp"
#include "spd/isolation.hpp"
#include "spd/report.hpp"
#include "spd/segment.hpp"
#include "spd/watch.hpp"
#include "vpid/numbers.hpp"

namespace {

// Holds the segment for programs of the node to open through /proc. It has no privilege that they have not, or the
// kernel would not let them. Nobody waits for it (no exit signal), so it does not count as one of the node's processes.
void start_keeper(int segment) {
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
  dup2(segment, sp::wire::kKeeperSegment);
  close(0), close(1), close(2);
  syscall(SYS_close_range, sp::wire::kKeeperSegment + 1, ~0u, 0);
  for (;;) pause();
}

// The program alone has the launcher's descriptors: spd must not keep the other end of its pipes open.
void let_go_of_descriptors(int report) {
  syscall(SYS_close_range, 3, report - 1, 0);
  syscall(SYS_close_range, report + 1, ~0u, 0);
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int n = 0; n < 3; ++n) dup2(nothing, n);
}

// The program shall not begin when the cluster cannot be whole: the launcher is told so by the node that cannot, or by
// the cluster's parent, who sees it end.
void await_other_nodes() {
  constexpr int64_t kLookAgainNs = 10'000'000;
  const sp::wire::ClusterHeader& c = sp::wire::cluster();
  for (uint32_t n = 1; n < c.node_count; ++n) {
    const auto& state = c.nodes[n].state;
    while (state.load() == sp::wire::SpdState::absent)
      sp::sys::futex_wait(reinterpret_cast<const volatile uint32_t*>(&state), 0, kLookAgainNs);
    if (state.load() == sp::wire::SpdState::dead) _exit(125);
  }
}

} // namespace

int main(int count, char** arguments) {
  if (count < 4 || (atoi(arguments[1]) == 0 && count < 6)) {
    fprintf(stderr, "spd is started by spctl: spctl run --isolate --nodes 2 -- PROGRAM\n");
    return 125;
  }
  const sp::NodeId self{static_cast<uint32_t>(atoi(arguments[1]))};
  const int segment = atoi(arguments[2]), report = atoi(arguments[3]);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "spd");
  sp::spd::report_to(report);
  sp::spd::map_cluster(segment);
  if (self.value >= sp::wire::cluster().node_count) return 125;
  sp::spd::furnish(self);
  fcntl(segment, F_SETFD, FD_CLOEXEC);
  start_keeper(segment);
  if (!sp::vpid::set_next_pid(sp::wire::cluster().nodes[self.value].first_pid))
    sp::spd::give_up(125, "an isolated node cannot choose process numbers (ns_last_pid)", errno);
  if (self.value == 0) {
    await_other_nodes();
    sp::spd::start_first_program(arguments + 4);
  } else {
    sp::spd::close_report();
  }
  let_go_of_descriptors(report);
  for (int signal : {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTERM, SIGPIPE}) std::signal(signal, SIG_IGN);
  std::thread(sp::spd::serve, self).detach();
  std::thread(sp::spd::watch_all, self).detach();
  sp::spd::reap_until_empty(self);
  _exit(0);
}
