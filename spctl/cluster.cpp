// SPDX-License-Identifier: Apache-2.0
// Three generations: spctl, which waits for the program's end and ends like it; the cluster's parent
// (cluster_parent.hpp), which outlives spctl while the program has left processes behind; one spd for each node. If spctl
// is killed, the parent sees its pipe close and kills the nodes.
#include "spctl/cluster.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsuperproc/cluster/node_mesh.hpp"
#include "libsuperproc/wire/launch_report.hpp"
#include "spctl/cluster_parent.hpp"
#include "spctl/cluster_segment.hpp"

namespace sp::spctl {

namespace {

tl::unexpected<Refusal> refused(std::string text) {
  return tl::unexpected<Refusal>(Refusal{kExitOwnError, std::move(text)});
}

// `alive` closes without a byte when spctl is killed.
[[noreturn]] void be_parent(const RunSettings& settings, const Launch& launch, int alive) {
  std::vector<int> kept = pools_of(launch);
  kept.push_back(alive);
  const Begun begun = begin_nodes(settings, launch, kept);
  close(launch.report);
  keep_nodes(begun, launch, alive);
  while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  _exit(0);
}

// What is sent to spctl is meant for the program. What the terminal sends reaches it as well, being in the same job.
void hand_on(const signalfd_siginfo& signal) {
  if (signal.ssi_code == SI_KERNEL) return;
  (void)ask_spd({0}, {0}, HostTid{static_cast<int32_t>(gettid())}, wire::NodeOperation::signal_first, 0,
                signal.ssi_signo);
}

// Nothing: all who could tell are gone.
std::optional<wire::LaunchReport> await_report(int descriptor) {
  sigset_t ours;
  sigemptyset(&ours);
  for (int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM}) sigaddset(&ours, signal);
  sigprocmask(SIG_BLOCK, &ours, nullptr);
  const int signals = signalfd(-1, &ours, SFD_CLOEXEC);
  for (;;) {
    pollfd either[] = {{descriptor, POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(either, 2, -1) < 0) continue;
    signalfd_siginfo signal;
    if (either[1].revents && read(signals, &signal, sizeof signal) == sizeof signal) hand_on(signal);
    if (!either[0].revents) continue;
    wire::LaunchReport report{};
    if (read(descriptor, &report, sizeof report) != sizeof report) return std::nullopt;
    report.why[sizeof report.why - 1] = '\0';
    return report;
  }
}

} // namespace

tl::expected<int, Refusal> run_isolated(const RunSettings& settings, const std::string& file,
                                        const std::vector<std::string>& command,
                                        const std::vector<std::string>& environment) {
  auto variables = cluster_environment(environment);
  if (!variables) return tl::unexpected<Refusal>(variables.error());
  const auto segments = make_segments(settings, {});
  if (!segments) return tl::unexpected<Refusal>(segments.error());
  int report[2], alive[2];
  if (pipe2(report, O_CLOEXEC) != 0 || pipe2(alive, O_CLOEXEC) != 0) return refused(errno_text(errno));
  Launch launch{*segments, report[1], {file}, std::move(*variables)};
  launch.program.insert(launch.program.end(), command.begin(), command.end());
  for (std::string& variable : launch.environment) // spd itself shall not have the shim
    if (variable.starts_with("LD_PRELOAD=")) variable.replace(0, strlen("LD_PRELOAD"), wire::kEnvPreload);

  const pid_t parent = fork();
  if (parent < 0) return refused(errno_text(errno));
  if (parent == 0) {
    close(alive[1]);
    close(report[0]);
    be_parent(settings, launch, alive[0]);
  }
  let_go_of_descriptors({2, report[0], alive[1]});
  const auto told = await_report(report[0]);
  if (told && told->exit_code == 0) {
    std::signal(SIGPIPE, SIG_IGN); // the parent may have ended, too
    (void)!write(alive[1], "", 1);
    return told->wait_status;
  }
  close(alive[1]);
  waitpid(parent, nullptr, 0);
  if (told) return tl::unexpected<Refusal>(Refusal{told->exit_code, told->why});
  if (wire::cluster().nodes[0].state.load() == wire::SpdState::running) return SIGKILL; // its node was killed
  return refused("the first isolated node ended before the program began");
}

void end_as(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    std::signal(WTERMSIG(wait_status), SIG_DFL);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, nullptr);
    raise(WTERMSIG(wait_status));
  }
  _exit(WEXITSTATUS(wait_status));
}

} // namespace sp::spctl
