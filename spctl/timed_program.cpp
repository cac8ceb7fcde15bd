// SPDX-License-Identifier: Apache-2.0
// See timed_program.hpp. A program leads a process group of its own, so that one kill reaches everything it started.
#include "spctl/timed_program.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spctl/message.hpp"

extern char** environ;

namespace sp::spctl {
namespace {

constexpr size_t kOutputBytesMax = 64 << 10;
constexpr int kInterrupts[] = {SIGINT, SIGTERM, SIGHUP};

volatile pid_t g_group = 0;
char g_path[4096] = "";

void interrupted(int signal) {
  if (g_group > 0) kill(-g_group, SIGKILL);
  if (g_path[0] != '\0') unlink(g_path);
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);
  raise(signal);
}

uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

// Until the other end is closed; false when the time is over.
bool read_all(int from, std::string& into, uint64_t end_ns) {
  char bytes[4096];
  for (;;) {
    const uint64_t now = now_ns();
    if (now >= end_ns) return false;
    pollfd waiting{from, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>((end_ns - now) / 1000000 + 1)) <= 0) continue;
    const ssize_t count = read(from, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    if (into.size() < kOutputBytesMax) into.append(bytes, static_cast<size_t>(count));
  }
}

std::string failure_text(const std::string& name, int status) {
  if (WIFSIGNALED(status)) return fmt::format("{} died of SIG{}", name, sigabbrev_np(WTERMSIG(status)));
  return fmt::format("{} ended with status {}", name, WEXITSTATUS(status));
}

} // namespace

tl::expected<ProgramResult, std::string> run_program(const std::vector<std::string>& command, int limit_s) {
  const auto failed = [](std::string text) { return tl::unexpected<std::string>(std::move(text)); };
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return failed("no pipe: " + errno_text(errno));
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, ends[1], 1);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  std::vector<char*> arguments;
  for (const std::string& text : command) arguments.push_back(const_cast<char*>(text.c_str()));
  arguments.push_back(nullptr);

  pid_t child = 0;
  const uint64_t start_ns = now_ns();
  const int error = posix_spawn(&child, command.front().c_str(), &files, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return failed(fmt::format("{}: {}", command.front(), errno_text(error)));
  }
  g_group = child;
  ProgramResult result{};
  const bool in_time = read_all(ends[0], result.output, start_ns + static_cast<uint64_t>(limit_s) * 1000000000);
  close(ends[0]);
  if (!in_time) kill(-child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.wall_ns = now_ns() - start_ns;
  kill(-child, SIGKILL); // what it may have left behind
  g_group = 0;
  const std::string name = command.back();
  if (!in_time) return failed(fmt::format("{} took more than {} s", name, limit_s));
  if (status != 0) return failed(failure_text(name, status));
  return result;
}

CleanInterrupt::CleanInterrupt(const std::string& path_to_remove) {
  snprintf(g_path, sizeof g_path, "%s", path_to_remove.c_str());
  struct sigaction action {};
  action.sa_handler = interrupted;
  for (const int signal : kInterrupts) sigaction(signal, &action, nullptr);
}

CleanInterrupt::~CleanInterrupt() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (const int signal : kInterrupts) sigaction(signal, &standard, nullptr);
  if (g_path[0] != '\0') unlink(g_path);
  g_path[0] = '\0';
}

} // namespace sp::spctl
