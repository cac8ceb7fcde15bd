// SPDX-License-Identifier: Apache-2.0
// See cluster_parent.hpp.
#include "spctl/cluster_parent.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/ranges.h>

#include "libsuperproc/cluster/event_log.hpp"
#include "libsuperproc/wire/cluster.hpp"
#include "libsuperproc/wire/launch_report.hpp"
#include "spctl/domains.hpp"
#include "spctl/event_log.hpp"
#include "spctl/library.hpp"
#include "spctl/namespaces.hpp"
#include "spctl/node_death.hpp"
#include "spctl/ringer.hpp"

namespace sp::spctl {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

pid_t start_node(NodeId node, const Launch& launch, const std::string& log) {
  clone_args arguments{};
  arguments.flags = namespaces_of(node);
  arguments.exit_signal = SIGCHLD;
  const long made = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (made != 0) return static_cast<pid_t>(made);
  const std::string daemon = own_folder() + "/spd";
  std::vector<int> segments = launch.segments.common;
  if (!launch.segments.boards.empty()) segments.push_back(launch.segments.boards[node.value]);
  std::vector<std::string> command = {daemon, std::to_string(node.value), fmt::format("{}", fmt::join(segments, ",")),
                                      std::to_string(launch.report)};
  if (node.value == 0) command.insert(command.end(), launch.program.begin(), launch.program.end());
  for (const int segment : segments) fcntl(segment, F_SETFD, 0);
  fcntl(launch.report, F_SETFD, 0);
  std::vector<std::string> environment = launch.environment;
  environment.push_back(fmt::format("{}={}:{}", wire::kEnvEventLog, event_log_cluster, log));
  execve(daemon.c_str(), pointers(command).data(), pointers(environment).data());
  _exit(125);
}

void kill_nodes(const std::vector<pid_t>& spds) {
  for (const pid_t spd : spds)
    if (spd > 0) kill(spd, SIGKILL);
}

// ENOSPC is what the kernel says about namespaces too many.
std::string why(int error) {
  return error == ENOSPC ? "sysctl user.max_*_namespaces allows no more" : errno_text(error);
}

volatile sig_atomic_t told_to_end = 0;

// SIGCHLD and SIGTERM come in during ppoll only.
sigset_t take_signals() {
  for (int signal : {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE}) std::signal(signal, SIG_IGN);
  std::signal(SIGCHLD, [](int) {});
  std::signal(SIGTERM, [](int) { told_to_end = 1; });
  sigset_t ours, open_mask;
  sigemptyset(&ours);
  for (int signal : {SIGCHLD, SIGTERM}) sigaddset(&ours, signal);
  sigprocmask(SIG_BLOCK, &ours, &open_mask);
  for (int signal : {SIGCHLD, SIGTERM}) sigdelset(&open_mask, signal);
  return open_mask;
}

// False: that was the first node; no process is left where the program began, or all of them were killed.
bool take_deaths(const std::vector<pid_t>& spds, const std::vector<int>& pools) {
  int status = 0;
  for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
    const auto node = static_cast<uint32_t>(std::find(spds.begin(), spds.end(), ended) - spds.begin());
    if (node == 0) return log_event(wire::kNoNode, "the first node has ended, and the others end"), false;
    if (node >= spds.size()) continue;
    fence({node}, pools);
    log_event(wire::kNoNode, "node %u is dead and fenced: its spd %d %s %d", node, ended,
              WIFSIGNALED(status) ? "was killed by signal" : "ended with status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  }
  return true;
}

} // namespace

tl::expected<std::vector<std::string>, Refusal> cluster_environment(std::vector<std::string> program) {
  for (const char* part : {"/spd", "/sp-shadow"})
    if (access((own_folder() + part).c_str(), X_OK) != 0)
      return tl::unexpected<Refusal>(Refusal{
          kExitOwnError, fmt::format("{}{}: {}; install superproc completely", own_folder(), part, errno_text(errno))});
  program.push_back(fmt::format("{}={}", wire::kEnvCluster, own_folder()));
  return program;
}

std::vector<int> pools_of(const Launch& launch) {
  return {launch.segments.common.begin() + 1, launch.segments.common.end()};
}

void let_go_of_descriptors(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  int first = 0;
  for (const int one : kept) {
    if (one > first) close_range(static_cast<unsigned>(first), static_cast<unsigned>(one - 1), 0);
    first = one + 1;
  }
  close_range(static_cast<unsigned>(first), ~0u, 0);
}

void have_nothing_open(const std::vector<int>& but) {
  let_go_of_descriptors(but);
  for (int n = 0; n < 3; ++n) open("/dev/null", O_RDWR | O_CLOEXEC); // the lowest numbers
}

void give_up(const Launch& launch, const std::vector<pid_t>& spds, const char* what) {
  wire::LaunchReport report{kExitOwnError, 0, {}};
  fmt::format_to_n(report.why, sizeof report.why - 1, "{}: {}", what, why(errno));
  (void)!write(launch.report, &report, sizeof report);
  kill_nodes(spds);
  while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  _exit(kExitOwnError);
}

std::vector<pid_t> start_nodes(NodeId first, uint32_t count, const Launch& launch) {
  std::vector<pid_t> spds(count);
  open_event_log();
  event_log_cluster = getpid();
  const std::string log = event_log_path();
  if (!enter_user_namespace()) give_up(launch, {}, "isolated nodes need a user namespace");
  for (uint32_t n = count; n-- > 0;)
    if ((spds[n] = start_node({first.value + n}, launch, log)) < 0)
      give_up(launch, {spds.begin() + n + 1, spds.end()}, "isolated nodes need namespaces of their own");
  log_event(wire::kNoNode, "%u nodes begin, the first one's spd is %d", count, spds[0]);
  return spds;
}

Begun begin_nodes(const RunSettings& settings, const Launch& launch, std::vector<int> kept) {
  kept.push_back(launch.report);
  if (settings.backend == Backend::xen) return over_domains.begin(launch, kept);
  Begun begun{start_nodes({0}, settings.node_count, launch)};
  begin_ringers(launch.segments.boards);
  have_nothing_open(kept);
  return begun;
}

void keep_nodes(const Begun& begun, const Launch& launch, int until) {
  const sigset_t open_mask = take_signals();
  const bool lasts = until < 0;
  const timespec every{begun.every_ms / 1000, begun.every_ms % 1000 * 1'000'000};
  for (pollfd watched{until, POLLIN, 0}; take_deaths(begun.spds, pools_of(launch)) && !(lasts && told_to_end);) {
    const int ready = ppoll(&watched, 1, begun.every_ms < 0 ? nullptr : &every, &open_mask);
    begun.look();
    if (ready <= 0) continue;
    char byte = 0;
    if (read(until, &byte, 1) != 1) {
      log_event(wire::kNoNode, "spctl was killed, and all nodes are");
      break;
    }
    watched.fd = -1; // spctl has reported the program's end and left
  }
  end_nodes(begun);
}

void end_nodes(const Begun& begun) {
  kill_nodes(begun.spds);
  begun.part();
}

} // namespace sp::spctl
