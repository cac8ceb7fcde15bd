// SPDX-License-Identifier: Apache-2.0
// Three generations: spctl, which waits for the program's end and ends like it; the cluster's parent, which makes the
// namespaces and outlives spctl while the program has left processes behind; one spd for each node. If spctl is killed,
// the parent sees its pipe close and kills the nodes; if the parent is killed, the spds die with it (parent-death signal),
// and with an spd, the first process of its namespace, every process of the node.
#include "spctl/cluster.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/sched.h>
#include <optional>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsuperproc/cluster/pool.hpp"
#include "libsuperproc/wire/launch_report.hpp"
#include "spctl/library.hpp"
#include "spctl/namespaces.hpp"
#include "vpid/lease.hpp"

namespace sp::spctl {

namespace {

tl::unexpected<Refusal> refused(std::string text) {
  return tl::unexpected<Refusal>(Refusal{kExitOwnError, std::move(text)});
}

// ---- the segment ----

int32_t highest_pid() {
  int32_t highest = 32768;
  std::ifstream("/proc/sys/kernel/pid_max") >> highest;
  return highest;
}

// False: there are too few process numbers.
bool format(const RunSettings& settings) {
  wire::ClusterHeader& c = wire::cluster();
  c.version = wire::kClusterVersion;
  c.bytes = sizeof c;
  c.node_count = settings.node_count;
  c.placement = settings.placement;
  c.place_next.store(1); // the first child leaves the first node
  for (uint32_t t = 0; t < settings.node_count; ++t) {
    EventChannel::create(node_bell_line({t}));
    for (uint32_t s = 0; s < settings.node_count; ++s)
      (void)Ring::create(node_ring_memory({s}, {t}), kNodeRingStride, {s}, {t}, kNodeSlotCount);
  }
  c.magic = wire::kClusterMagic;
  return vpid::lease_out(c, highest_pid());
}

// A sparse file of memory, or -1.
int make_memory(const char* name, uint64_t bytes) {
  const int descriptor = memfd_create(name, MFD_CLOEXEC);
  return descriptor >= 0 && ftruncate(descriptor, static_cast<off_t>(bytes)) == 0 ? descriptor : -1;
}

// The cluster segment, then each node's pool.
tl::expected<std::vector<int>, Refusal> make_segments(const RunSettings& settings) {
  std::vector<int> segments{make_memory("superproc-cluster", wire::kClusterBytes)};
  for (uint32_t n = 0; n < settings.node_count; ++n)
    segments.push_back(make_memory(fmt::format("superproc-pool-{}", n).c_str(), wire::kPoolBytes));
  void* const there = reinterpret_cast<void*>(wire::kClusterBase);
  if (*std::min_element(segments.begin(), segments.end()) < 0 ||
      mmap(there, wire::kClusterBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, segments[0], 0) !=
          there)
    return refused(fmt::format("no memory for the cluster: {}", errno_text(errno)));
  if (!format(settings))
    return refused(fmt::format("kernel.pid_max is {}: too few process numbers for {} nodes; use fewer, or raise it",
                               highest_pid(), settings.node_count));
  return segments;
}

// ---- the nodes ----

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

struct Launch {
  std::vector<int> segments;
  int report; // to spctl
  std::string daemon;
  std::vector<std::string> program; // file and arguments
  std::vector<std::string> environment;
};

pid_t start_node(NodeId node, const Launch& launch) {
  clone_args arguments{};
  arguments.flags = namespaces_of(node);
  arguments.exit_signal = SIGCHLD;
  const long made = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (made != 0) return static_cast<pid_t>(made);
  std::vector<std::string> command = {launch.daemon, std::to_string(node.value),
                                      fmt::format("{}", fmt::join(launch.segments, ",")),
                                      std::to_string(launch.report)};
  if (node.value == 0) command.insert(command.end(), launch.program.begin(), launch.program.end());
  for (const int segment : launch.segments) fcntl(segment, F_SETFD, 0);
  fcntl(launch.report, F_SETFD, 0);
  execve(launch.daemon.c_str(), pointers(command).data(), pointers(launch.environment).data());
  _exit(125);
}

// A node is gone, and nobody there writes any more: what runs there has been killed, what is asked of it fails.
void fence(NodeId dead, const std::vector<int>& pools) {
  wire::ClusterHeader& c = wire::cluster();
  c.nodes[dead.value].state.store(wire::SpdState::dead);
  for (uint32_t n = 0; n < c.node_count; ++n)
    for (void* memory : {node_ring_memory({n}, dead), node_ring_memory(dead, {n})})
      if (auto ring = Ring::open(memory, kNodeRingStride)) ring->fail_all(EIO);
  for (uint32_t i = 0; i < std::min(c.moved_high.load(), wire::kMovedCountMax); ++i) {
    wire::Moved& m = wire::moved(i);
    if (m.state.load() == wire::MovedState::free || m.body_node.load() != dead.value) continue;
    m.wait_status.store(SIGKILL);
    set_state(m, wire::MovedState::ended);
    if (const auto bell = EventChannel::open(moved_bell_line(i))) bell->notify(wire::kBellLocal);
  }
  forget_holders(dead, pools.data());
}

// The program alone has the launcher's descriptors: whoever waits must not keep the other end of its pipes open. `first`:
// from which number on; `kept` in rising order.
void let_go_of_descriptors(int first, const std::vector<int>& kept) {
  for (const int one : kept) {
    if (one > first) close_range(static_cast<unsigned>(first), static_cast<unsigned>(one - 1), 0);
    first = one + 1;
  }
  close_range(static_cast<unsigned>(first), ~0u, 0);
}

void have_nothing_open(std::vector<int> but) {
  std::sort(but.begin(), but.end());
  let_go_of_descriptors(0, but);
  for (int n = 0; n < 3; ++n) open("/dev/null", O_RDWR | O_CLOEXEC); // the lowest numbers
}

[[noreturn]] void end_nodes(const std::vector<pid_t>& spds) {
  for (const pid_t spd : spds) kill(spd, SIGKILL);
  while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  _exit(0);
}

// ENOSPC is what the kernel says about namespaces too many.
std::string why(int error) {
  return error == ENOSPC ? "sysctl user.max_*_namespaces allows no more" : errno_text(error);
}

[[noreturn]] void give_up(const Launch& launch, const std::vector<pid_t>& spds, const std::string& what) {
  wire::LaunchReport report{kExitOwnError, 0, {}};
  fmt::format_to_n(report.why, sizeof report.why - 1, "{}: {}", what, why(errno));
  (void)!write(launch.report, &report, sizeof report);
  end_nodes(spds);
}

// The cluster's parent. `alive` closes without a byte when spctl is killed.
[[noreturn]] void keep_nodes(const RunSettings& settings, const Launch& launch, int alive) {
  std::vector<pid_t> spds(settings.node_count);
  if (!enter_user_namespace()) give_up(launch, {}, "isolated nodes need a user namespace");
  for (uint32_t n = settings.node_count; n-- > 0;)
    if (const pid_t made = start_node({n}, launch); made >= 0)
      spds[n] = made;
    else
      give_up(launch, {spds.begin() + n + 1, spds.end()}, "isolated nodes need namespaces of their own");
  const std::vector<int> pools(launch.segments.begin() + 1, launch.segments.end());
  std::vector<int> kept = pools;
  kept.push_back(alive);
  have_nothing_open(kept);
  for (int signal : {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTERM, SIGTTIN, SIGTTOU}) std::signal(signal, SIG_IGN);
  std::signal(SIGCHLD, [](int) {});
  sigset_t child, open_mask;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, &open_mask);
  for (pollfd watched{alive, POLLIN, 0};;) {
    for (pid_t ended; (ended = waitpid(-1, nullptr, WNOHANG)) > 0;) {
      const auto node = static_cast<uint32_t>(std::find(spds.begin(), spds.end(), ended) - spds.begin());
      if (node == 0) end_nodes(spds); // no process is left where the program began, or all of them were killed
      fence({node}, pools);
    }
    if (ppoll(&watched, 1, nullptr, &open_mask) <= 0) continue;
    char byte = 0;
    if (read(alive, &byte, 1) != 1) break;
    watched.fd = -1; // spctl has reported the program's end and left
  }
  end_nodes(spds);
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
  const auto segments = make_segments(settings);
  if (!segments) return tl::unexpected<Refusal>(segments.error());
  int report[2], alive[2];
  if (pipe2(report, O_CLOEXEC) != 0 || pipe2(alive, O_CLOEXEC) != 0) return refused(errno_text(errno));
  Launch launch{*segments, report[1], own_folder() + "/spd", {file}, environment};
  launch.program.insert(launch.program.end(), command.begin(), command.end());
  for (std::string& variable : launch.environment) // spd itself shall not have the shim
    if (variable.starts_with("LD_PRELOAD=")) variable.replace(0, strlen("LD_PRELOAD"), wire::kEnvPreload);
  launch.environment.push_back(fmt::format("{}={}", wire::kEnvCluster, own_folder()));
  for (const std::string& part : {launch.daemon, own_folder() + "/sp-shadow"})
    if (access(part.c_str(), X_OK) != 0)
      return refused(fmt::format("{}: {}; install superproc completely", part, errno_text(errno)));

  const pid_t parent = fork();
  if (parent < 0) return refused(errno_text(errno));
  if (parent == 0) {
    close(alive[1]);
    close(report[0]);
    keep_nodes(settings, launch, alive[0]);
  }
  close(report[1]);
  let_go_of_descriptors(0, {2, std::min(report[0], alive[1]), std::max(report[0], alive[1])});
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
