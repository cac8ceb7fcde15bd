// SPDX-License-Identifier: Apache-2.0
// `spctl up` and `spctl down`: clusters that last. Three generations again: spctl, which ends once all nodes run; the
// guard, which sees to it that nothing is left whoever is killed; the cluster's parent (cluster_parent.hpp).
//
// The parent is killed: the spds die with it and become the guard's children, which waits for them and removes the file.
// The guard is killed: the parent gets SIGTERM, ends the nodes and removes the file. Both at once: the nodes die, and the
// file is stale (lasting_cluster.hpp).
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gnttab-shm/node_bell.hpp"
#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/cluster.hpp"
#include "libsuperproc/wire/launch_report.hpp"
#include "spctl/cluster_parent.hpp"
#include "spctl/cluster_segment.hpp"
#include "spctl/commands.hpp"
#include "spctl/domains.hpp"
#include "spctl/kernel_abilities.hpp"
#include "spctl/lasting_cluster.hpp"
#include "spctl/launchers.hpp"
#include "spctl/library.hpp"
#include "spctl/namespaces.hpp"
#include "spctl/runtime_folder.hpp"

extern char** environ;

namespace sp::spctl {
namespace {

// All processes of the cluster are children of the caller by now, or gone. A node that was killed is not waited for
// without end: where nobody reaps what a killed launcher has left (a container whose first process does not), a defunct
// program keeps its node's first process from being reaped.
void see_off(const std::string& name, int file) {
  constexpr int kLookCount = 200;
  constexpr useconds_t kLookUs = 10'000;
  const ClusterFile known = read_cluster_file(name);
  wake_launchers(known.cluster.space);
  for (int i = 0; i < kLookCount; ++i) {
    pid_t reaped = 0;
    while ((reaped = waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (reaped < 0 && errno != EINTR) break;
    usleep(kLookUs);
  }
  remove_cluster_file(name, file);
}

// False: a node has ended, and has said why where that is known.
bool await_nodes(const Begun& begun) {
  constexpr int64_t kLookAgainNs = 10'000'000;
  const wire::ClusterHeader& c = wire::cluster();
  for (uint32_t n = 0; n < c.node_count; ++n) {
    while (c.nodes[n].state.load() == wire::SpdState::absent) {
      if (waitpid(-1, nullptr, WNOHANG) != 0) return false;
      NodeBell::sleep(reinterpret_cast<const volatile uint32_t*>(&c.nodes[n].state), 0, kLookAgainNs);
      begun.look();
    }
    if (c.nodes[n].state.load() == wire::SpdState::dead) return false;
  }
  return true;
}

[[noreturn]] void be_parent(const RunSettings& settings, const Launch& launch, const std::string& name, int file) {
  const pid_t guard = getppid();
  std::vector<int> kept = pools_of(launch);
  kept.push_back(file);
  const Begun begun = begin_nodes(settings, launch, kept);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  const pid_t first_spd = begun.spds[0];
  const auto first = process_now(first_spd);
  if (await_nodes(begun) && first && getppid() == guard) {
    const LastingCluster cluster{*process_now(guard), *process_now(getpid()), *first, pid_space_of(first_spd)};
    const wire::LaunchReport running{};
    if (write_cluster_file(file, cluster)) (void)!write(launch.report, &running, sizeof running);
    close(launch.report);
    keep_nodes(begun, launch, -1);
  } else {
    end_nodes(begun);
  }
  if (getppid() != guard) see_off(name, file);
  _exit(0);
}

[[noreturn]] void be_guard(const RunSettings& settings, const Launch& launch, const std::string& name, int file) {
  setsid();
  (void)!chdir("/");
  prctl(PR_SET_NAME, "spctl-guard");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t parent = fork();
  if (parent == 0) be_parent(settings, launch, name, file);
  have_nothing_open({file});
  for (int signal : {SIGINT, SIGQUIT, SIGHUP, SIGTSTP}) std::signal(signal, SIG_IGN);
  while (parent > 0 && waitpid(parent, nullptr, 0) < 0 && errno == EINTR) {
  }
  see_off(name, file);
  _exit(0);
}

// What the nodes say, or that they have ended without a word.
Refusal await_running(int descriptor) {
  wire::LaunchReport report{};
  if (read(descriptor, &report, sizeof report) != sizeof report)
    return {kExitOwnError, "the cluster ended before all of its nodes ran; see spctl doctor"};
  report.why[sizeof report.why - 1] = '\0';
  return {report.exit_code, fmt::format("{}; see spctl doctor", report.why)};
}

// The program's environment is the later caller's; daemons need none but the path.
std::vector<std::string> daemon_environment() {
  std::vector<std::string> variables;
  if (const char* path = getenv("PATH")) variables.push_back(fmt::format("PATH={}", path));
  return variables;
}

int start(const RunSettings& settings, const std::string& name, int file) {
  auto environment = cluster_environment(daemon_environment());
  if (!environment) return refuse(environment.error());
  const auto segments = make_segments(settings, name);
  if (!segments) return own_error("{}; see spctl doctor", segments.error().text);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return own_error("{}", errno_text(errno));
  const Launch launch{*segments, report[1], {}, std::move(*environment)};
  const pid_t guard = fork();
  if (guard < 0) return own_error("{}", errno_text(errno));
  if (guard == 0) {
    close(report[0]);
    be_guard(settings, launch, name, file);
  }
  close(report[1]);
  if (const Refusal told = await_running(report[0]); told.exit_code != 0) {
    waitpid(guard, nullptr, 0);
    return refuse(told);
  }
  return 0;
}

} // namespace

int up(const UpOptions& options) {
  if (options.backend == "xen" && over_domains.begin == nullptr) return become_sp_xen();
  RunOptions wanted;
  wanted.backend = options.backend;
  wanted.nodes = options.nodes, wanted.placement = options.placement, wanted.cores_per_node = options.cores_per_node;
  wanted.isolation = options.isolation, wanted.image = options.image;
  const auto settings = check_settings(wanted, getenv(wire::kEnvNodes), usable_cpu_count());
  if (!settings) return refuse(settings.error());
  if (!is_cluster_name(options.name))
    return own_error("--name {}: not a name; give at most {} letters, digits and . _ -", options.name,
                     wire::kClusterNameMax - 1);
  if (inside_superproc()) return own_error("isolated nodes inside a SuperProcess are not possible; do it outside");
  if (const int error = dispatch_errno(); error != 0)
    return own_error("this kernel has no Syscall User Dispatch ({}); see spctl doctor", errno_text(error));
  const auto file = new_cluster_file(options.name);
  if (!file) return refuse(file.error());
  const int result = start(*settings, options.name, *file);
  if (result != 0) return remove_cluster_file(options.name, *file), result;
  say(fmt::format("cluster {} of {} nodes runs; spctl run --cluster {} -- PROGRAM", options.name, settings->node_count,
                  options.name));
  return 0;
}

int down(const DownOptions& options) {
  constexpr int kWaitMs = 10'000;
  if (const auto there = check_runtime_folder(); !there) return refuse(there.error());
  const ClusterFile file = is_cluster_name(options.name) ? read_cluster_file(options.name) : ClusterFile{};
  if (file.state == ClusterFileState::none)
    return own_error("there is no cluster {}; spctl nodes shows those that run", options.name);
  if (file.state == ClusterFileState::starting) return own_error("cluster {} is being started", options.name);
  if (file.state == ClusterFileState::stale) {
    const auto held = new_cluster_file(options.name);
    if (!held) return refuse(held.error());
    remove_cluster_file(options.name, *held);
    say(fmt::format("cluster {} had ended already", options.name));
    return 0;
  }
  const int guard = open_process(file.cluster.guard), parent = open_process(file.cluster.parent);
  if (guard < 0 && parent < 0) return own_error("cluster {} runs where this shell cannot reach it", options.name);
  if (parent >= 0) syscall(SYS_pidfd_send_signal, parent, SIGTERM, nullptr, 0);
  pollfd last{guard >= 0 ? guard : parent, POLLIN, 0};
  if (poll(&last, 1, kWaitMs) != 1)
    return own_error("cluster {} has not ended after {} s; see spctl nodes", options.name, kWaitMs / 1000);
  return 0;
}

} // namespace sp::spctl
