// SPDX-License-Identifier: Apache-2.0
// See join.hpp. The launcher enters the first node's namespaces and forks there, so the program has its terminal, job,
// descriptors, folder, environment and limits by inheritance, and is its child: its ends, stops and continuations are the
// launcher's own, its death is sent by the kernel (parent-death signal). A program's parent is out of its sight: getppid
// is 0. What it leaves behind goes on in the cluster.
#include "spctl/join.hpp"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sched.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsuperproc/cluster/node_cpus.hpp"
#include "spctl/cluster_parent.hpp"
#include "spctl/cluster_reader.hpp"
#include "spctl/kernel_abilities.hpp"
#include "spctl/lasting_cluster.hpp"
#include "spctl/namespaces.hpp"
#include "spctl/runtime_folder.hpp"

namespace sp::spctl {
namespace {

tl::unexpected<Refusal> refused(std::string text) {
  return tl::unexpected<Refusal>(Refusal{kExitOwnError, std::move(text)});
}

// Of the daemon of the first node, which is that one as long as the file is locked.
tl::expected<int, Refusal> open_first_node(const std::string& name) {
  if (const auto there = check_runtime_folder(); !there) return tl::unexpected<Refusal>(there.error());
  const ClusterFile file = is_cluster_name(name) ? read_cluster_file(name) : ClusterFile{};
  if (file.state == ClusterFileState::starting) return refused(fmt::format("cluster {} is being started", name));
  if (file.state != ClusterFileState::running)
    return refused(fmt::format("cluster {} does not run; start it with spctl up --name {}", name, name));
  const int daemon = open_process(file.cluster.first_spd);
  if (daemon < 0) return refused(fmt::format("cluster {} is just ending, or runs out of this shell's reach", name));
  return daemon;
}

bool is_same_file(const struct stat& one, const struct stat& other) {
  return one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

// The folder by its name: an open one would be that of the mounts which are left.
tl::expected<void, Refusal> enter(int daemon, bool own_users) {
  char folder[PATH_MAX];
  struct stat before {
  }, after{};
  if (getcwd(folder, sizeof folder) == nullptr || stat(".", &before) != 0)
    return refused(fmt::format("the current folder cannot be named: {}", errno_text(errno)));
  const int wanted = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | (own_users ? CLONE_NEWUSER : 0);
  if (setns(daemon, wanted) != 0)
    return refused(fmt::format("the first node's namespaces cannot be entered: {}", errno_text(errno)));
  if (chdir(folder) != 0 || stat(".", &after) != 0 || !is_same_file(before, after))
    return refused(fmt::format("{}: mounted since the cluster was started; the cluster does not see it", folder));
  return {};
}

// --cores-per-node. An error where the program's library and the cluster's daemons are not of one build.
tl::expected<uint32_t, Refusal> cores_of_cluster() {
  const std::string keeper = fmt::format("/proc/{}/fd/{}", wire::kKeeperPid, wire::kKeeperSegment);
  const int descriptor = open(keeper.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return refused(fmt::format("the cluster's segment cannot be opened: {}", errno_text(errno)));
  std::vector<std::byte> header(sizeof(wire::ClusterHeader));
  const ssize_t bytes = pread(descriptor, header.data(), header.size(), 0);
  close(descriptor);
  header.resize(bytes > 0 ? static_cast<size_t>(bytes) : 0);
  const auto view = parse_cluster(header);
  if (!view) return refused(view.error());
  return view->cores_per_node;
}

struct Start {
  std::string file;
  std::vector<std::string> command, environment;
  uint32_t cores; // of the node
  sigset_t mask;
  int launcher; // read end of a pipe that the launcher alone can write
  int failed;   // for errno
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

[[noreturn]] void become(Start& start) {
  drop_privileges();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd launcher{start.launcher, POLLIN, 0};
  if (poll(&launcher, 1, 0) != 0) _exit(kExitOwnError); // it has died before
  keep_to_node_cpus({0}, start.cores);
  start.environment.push_back(superprocess_name());
  sigprocmask(SIG_SETMASK, &start.mask, nullptr);
  execve(start.file.c_str(), pointers(start.command).data(), pointers(start.environment).data());
  const int error = errno;
  (void)!write(start.failed, &error, sizeof error);
  _exit(kExitOwnError);
}

// The program has stopped, so this job has. Whoever continues us continues the program, too.
void stop_as(pid_t program, int signal) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  raise(signal);
  sigprocmask(SIG_UNBLOCK, &one, nullptr);
  sigprocmask(SIG_BLOCK, &one, nullptr);
  siginfo_t news{};
  if (waitid(P_PID, static_cast<id_t>(program), &news, WCONTINUED | WNOHANG | WNOWAIT) == 0 && news.si_pid == 0)
    kill(program, SIGCONT);
}

// True: it has ended.
bool take_news(pid_t program, int& status) {
  while (waitpid(program, &status, WUNTRACED | WCONTINUED | WNOHANG) == program) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) return true;
    if (WIFSTOPPED(status)) stop_as(program, WSTOPSIG(status));
  }
  return false;
}

// What the launcher is sent is meant for the program; what the terminal sends reaches it as well, being in the same job.
int await_end(pid_t program, int signals) {
  for (int status = 0;;) {
    if (take_news(program, status)) return status;
    signalfd_siginfo signal;
    if (read(signals, &signal, sizeof signal) != sizeof signal) continue;
    if (signal.ssi_signo != SIGCHLD && signal.ssi_code != SI_KERNEL) kill(program, static_cast<int>(signal.ssi_signo));
  }
}

// The kernel kills all processes of a node while its first one ends. /proc is the node's.
bool first_node_ends() {
  constexpr unsigned kExiting = 4; // PF_EXITING, in the ninth field
  std::ifstream file("/proc/1/stat");
  std::string line, word;
  if (!std::getline(file, line)) return true;
  std::istringstream words(line.substr(line.rfind(')') + 1));
  for (int field = 3; field <= 9; ++field) words >> word;
  return strtoul(word.c_str(), nullptr, 10) & kExiting;
}

} // namespace

tl::expected<int, Refusal> run_in_cluster(const std::string& name, const std::string& file,
                                          const std::vector<std::string>& command,
                                          const std::vector<std::string>& environment) {
  auto variables = cluster_environment(environment);
  if (!variables) return tl::unexpected<Refusal>(variables.error());
  const auto daemon = open_first_node(name);
  if (!daemon) return tl::unexpected<Refusal>(daemon.error());
  if (const auto entered = enter(*daemon, geteuid() != 0); !entered)
    return tl::unexpected<Refusal>(
        Refusal{entered.error().exit_code, fmt::format("cluster {}: {}", name, entered.error().text)});
  const auto cores = cores_of_cluster();
  if (!cores) return tl::unexpected<Refusal>(cores.error());

  int failed[2], launcher[2];
  if (pipe2(failed, O_CLOEXEC) != 0 || pipe2(launcher, O_CLOEXEC) != 0) return refused(errno_text(errno));
  Start start{file, command, std::move(*variables), *cores, {}, launcher[0], failed[1]};
  sigset_t all;
  sigfillset(&all);
  for (int signal : {SIGCONT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigdelset(&all, signal);
  sigprocmask(SIG_BLOCK, &all, &start.mask);
  std::signal(SIGCONT, SIG_DFL);
  const pid_t program = fork();
  if (program < 0) return refused(fmt::format("cluster {}: no process: {}", name, errno_text(errno)));
  if (program == 0) {
    close(launcher[1]);
    become(start);
  }
  close(failed[1]);
  const int signals = signalfd(-1, &all, SFD_CLOEXEC);
  let_go_of_descriptors({2, failed[0], launcher[1], signals});
  int error = 0;
  const bool began = read(failed[0], &error, sizeof error) != sizeof error;
  const int status = await_end(program, signals);
  if (!began)
    return tl::unexpected<Refusal>(Refusal{error == ENOENT || error == ENOTDIR ? kExitNotFound : kExitNotExecutable,
                                           fmt::format("{}: cannot run it: {}", file, errno_text(error))});
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && first_node_ends())
    say(fmt::format("the first node of cluster {} has ended, and with it the cluster and this program", name));
  return status;
}

} // namespace sp::spctl
