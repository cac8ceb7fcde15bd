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
#include <poll.h>
#include <sched.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsuperproc/cluster/node_mesh.hpp"
#include "spctl/library.hpp"
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

void format(const RunSettings& settings) {
  wire::ClusterHeader& c = wire::cluster();
  c.version = wire::kClusterVersion;
  c.bytes = sizeof c;
  c.node_count = settings.node_count;
  c.placement = settings.placement;
  c.place_next.store(1);                   // the first child leaves the first node
  (void)vpid::lease_out(c, highest_pid()); // checked before
  for (uint32_t t = 0; t < settings.node_count; ++t) {
    EventChannel::create(node_bell_line({t}));
    for (uint32_t s = 0; s < settings.node_count; ++s)
      (void)Ring::create(node_ring_memory({s}, {t}), kNodeRingStride, {s}, {t}, kNodeSlotCount);
  }
  c.magic = wire::kClusterMagic;
}

tl::expected<int, Refusal> make_segment(const RunSettings& settings) {
  const int descriptor = memfd_create("superproc-cluster", MFD_CLOEXEC);
  if (descriptor < 0 || ftruncate(descriptor, static_cast<off_t>(wire::kClusterBytes)) != 0)
    return refused(fmt::format("no memory for the cluster: {}", errno_text(errno)));
  void* const there = reinterpret_cast<void*>(wire::kClusterBase);
  if (mmap(there, wire::kClusterBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, descriptor, 0) !=
      there)
    return refused(fmt::format("no memory for the cluster: {}", errno_text(errno)));
  format(settings);
  return descriptor;
}

// ---- the nodes ----

bool write_file(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  const bool done = file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (file >= 0) close(file);
  return done;
}

// An ordinary user may make the other namespaces only inside a user namespace of his own, in which he stays who he is.
// What spd may do there it keeps over exec as ambient capabilities.
bool enter_user_namespace() {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (user == 0) return true;
  if (unshare(CLONE_NEWUSER) != 0) return false;
  if (!write_file("/proc/self/setgroups", "deny") ||
      !write_file("/proc/self/uid_map", fmt::format("{} {} 1", user, user)) ||
      !write_file("/proc/self/gid_map", fmt::format("{} {} 1", group, group)))
    return false;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct held[2]{};
  if (syscall(SYS_capget, &header, held) != 0) return false;
  for (auto& word : held) word.inheritable = word.permitted;
  if (syscall(SYS_capset, &header, held) != 0) return false;
  for (unsigned capability = 0; capability < 64; ++capability)
    if (held[capability / 32].permitted >> capability % 32 & 1)
      prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
  return true;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

struct Launch {
  int segment;
  int report; // to spctl
  std::string daemon;
  std::vector<std::string> program; // file and arguments
  std::vector<std::string> environment;
};

pid_t start_node(NodeId node, const Launch& launch) {
  clone_args arguments{};
  arguments.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | (node.value == 0 ? 0 : CLONE_NEWNET);
  arguments.exit_signal = SIGCHLD;
  const long made = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (made != 0) return static_cast<pid_t>(made);
  std::vector<std::string> command = {launch.daemon, std::to_string(node.value), std::to_string(launch.segment),
                                      std::to_string(launch.report)};
  if (node.value == 0) command.insert(command.end(), launch.program.begin(), launch.program.end());
  fcntl(launch.segment, F_SETFD, 0);
  if (node.value == 0) fcntl(launch.report, F_SETFD, 0);
  execve(launch.daemon.c_str(), pointers(command).data(), pointers(launch.environment).data());
  _exit(125);
}

// A node is gone, and nobody there writes any more: what runs there has been killed, what is asked of it fails.
void fence(NodeId dead) {
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
}

void let_go_of_terminal() {
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int n = 0; n < 3; ++n) dup2(nothing, n);
}

[[noreturn]] void end_nodes(const std::vector<pid_t>& spds) {
  for (const pid_t spd : spds) kill(spd, SIGKILL);
  while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  _exit(0);
}

// The cluster's parent. `alive` closes without a byte when spctl is killed.
[[noreturn]] void keep_nodes(const RunSettings& settings, const Launch& launch, int alive) {
  const auto give_up = [](const char* what) {
    say(fmt::format("{}: {}; see spctl doctor", what, errno_text(errno)));
    _exit(kExitOwnError);
  };
  if (!enter_user_namespace()) give_up("cannot make a user namespace for isolated nodes");
  std::vector<pid_t> spds(settings.node_count);
  for (uint32_t n = settings.node_count; n-- > 0;)
    if ((spds[n] = start_node({n}, launch)) < 0) give_up("cannot make the namespaces of an isolated node");
  close(launch.report);
  let_go_of_terminal();
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
      fence({node});
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

ssize_t read_report(int report, void* to, size_t bytes) {
  sigset_t ours;
  sigemptyset(&ours);
  for (int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE}) sigaddset(&ours, signal);
  sigprocmask(SIG_BLOCK, &ours, nullptr);
  const int signals = signalfd(-1, &ours, SFD_CLOEXEC);
  for (;;) {
    pollfd either[] = {{report, POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(either, 2, -1) < 0) continue;
    signalfd_siginfo signal;
    if (either[1].revents && read(signals, &signal, sizeof signal) == sizeof signal) hand_on(signal);
    if (either[0].revents) return read(report, to, bytes);
  }
}

} // namespace

tl::expected<int, Refusal> run_isolated(const RunSettings& settings, const std::string& file,
                                        const std::vector<std::string>& command,
                                        const std::vector<std::string>& environment) {
  const auto segment = make_segment(settings);
  if (!segment) return tl::unexpected<Refusal>(segment.error());
  int report[2], alive[2];
  if (pipe2(report, O_CLOEXEC) != 0 || pipe2(alive, O_CLOEXEC) != 0) return refused(errno_text(errno));
  Launch launch{*segment, report[1], own_folder() + "/spd", {file}, environment};
  launch.program.insert(launch.program.end(), command.begin(), command.end());
  for (std::string& variable : launch.environment) // spd itself shall not have the shim
    if (variable.starts_with("LD_PRELOAD=")) variable.replace(0, strlen("LD_PRELOAD"), wire::kEnvPreload);
  launch.environment.push_back(fmt::format("{}={}", wire::kEnvCluster, own_folder()));
  if (access(launch.daemon.c_str(), X_OK) != 0)
    return refused(fmt::format("{}: {}; install superproc completely", launch.daemon, errno_text(errno)));

  const pid_t parent = fork();
  if (parent < 0) return refused(errno_text(errno));
  if (parent == 0) {
    close(alive[1]);
    close(report[0]);
    keep_nodes(settings, launch, alive[0]);
  }
  close(report[1]);
  int status = 0;
  const ssize_t got = read_report(report[0], &status, sizeof status);
  if (got != sizeof status) {
    int ended = 0;
    waitpid(parent, &ended, 0);
    return WIFEXITED(ended) && WEXITSTATUS(ended) ? WEXITSTATUS(ended) << 8 : kExitOwnError << 8;
  }
  (void)!write(alive[1], "", 1);
  return status;
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
