// SPDX-License-Identifier: Apache-2.0
// See run_summary.hpp. As parent spctl does what a shell does for a foreground command: keys of the terminal reach the
// program itself, other signals that ask spctl to end are passed on.
#include "spctl/run_summary.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spctl/control_json.hpp"
#include "spctl/message.hpp"
#include "spctl/subprocess_list.hpp"

namespace sp::spctl {
namespace {

constexpr int kPassedOn[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
volatile pid_t g_program = 0;

void pass_on(int signal) {
  if (g_program > 0) kill(g_program, signal);
}

[[noreturn]] void end_by_signal(int signal) {
  const rlimit no_core{0, 0}; // the program's core is enough
  setrlimit(RLIMIT_CORE, &no_core);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); // ... and a pipe in core_pattern ignores the limit
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  sigprocmask(SIG_UNBLOCK, &only, nullptr);
  kill(getpid(), signal);
  _exit(128 + signal); // a signal whose default is not to end the process
}

class Sampler {
public:
  void sample(pid_t pid) {
    auto view = read_control(pid);
    if (!view) return;
    for (NodeView& node : view->nodes) // a dying SubProcess forgets its residents; what was seen stays known
      if (last_ && node.host_pid == 0 && node.index < last_->nodes.size())
        node.host_pid = last_->nodes[node.index].host_pid;
    last_ = std::move(view.value());
  }
  const std::optional<ControlView>& last() const { return last_; }

private:
  std::optional<ControlView> last_;
};

void write_summary(const std::string& path, const std::optional<ControlView>& seen, int status, uint64_t wall_us) {
  nlohmann::ordered_json summary = {
      {"exit_status", WIFEXITED(status) ? nlohmann::ordered_json(WEXITSTATUS(status)) : nullptr},
      {"signal", WIFSIGNALED(status) ? nlohmann::ordered_json(WTERMSIG(status)) : nullptr},
      {"wall_us", wall_us},
      {"subprocess", seen ? control_json(*seen) : nullptr}};
  std::ofstream file(path);
  file << summary.dump(2) << "\n";
  if (!file.flush()) say(fmt::format("{}: cannot write the summary: {}", path, errno_text(errno)));
}

uint64_t now_us() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

} // namespace

int run_with_summary(const std::string& path, const std::function<int()>& exec) {
  if (!std::ofstream(path)) return own_error("{}: cannot write the summary: {}", path, errno_text(errno));
  sigset_t child_ended, before;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_ended, &before);
  const uint64_t start_us = now_us();
  const pid_t program = fork();
  if (program < 0) return own_error("cannot start a process: {}", errno_text(errno));
  if (program == 0) {
    sigprocmask(SIG_SETMASK, &before, nullptr);
    _exit(exec());
  }
  g_program = program;
  struct sigaction action {};
  action.sa_handler = pass_on;
  action.sa_flags = SA_RESTART;
  for (const int signal : kPassedOn) sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGQUIT, &action, nullptr);

  Sampler sampler;
  int status = 0;
  for (;;) {
    const pid_t ended = waitpid(program, &status, WNOHANG);
    if (ended == program) break;
    if (ended < 0 && errno != EINTR) return own_error("cannot wait for the program: {}", errno_text(errno));
    sampler.sample(program);
    const timespec pause{0, kSampleMs * 1000000};
    sigtimedwait(&child_ended, nullptr, &pause);
  }
  g_program = 0;
  write_summary(path, sampler.last(), status, now_us() - start_us);
  if (WIFSIGNALED(status)) end_by_signal(WTERMSIG(status));
  return WEXITSTATUS(status);
}

} // namespace sp::spctl
