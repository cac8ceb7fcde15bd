// SPDX-License-Identifier: Apache-2.0
#include "spd/process_status.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace sp::spd {

namespace {

constexpr uint64_t bit(int signal) { return 1ull << (signal - 1); }

std::string read_whole(const char* path) {
  std::string text(4096, '\0');
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  size_t used = 0;
  for (ssize_t bytes; file >= 0 && (bytes = read(file, text.data() + used, text.size() - used)) > 0;)
    if ((used += static_cast<size_t>(bytes)) == text.size()) text.resize(text.size() * 2);
  close(file);
  text.resize(used);
  return text;
}

uint64_t number_after(const std::string& text, const char* name, int base) {
  const size_t at = text.find(name);
  return at == std::string::npos ? 0 : strtoull(text.c_str() + at + strlen(name), nullptr, base);
}

} // namespace

uint64_t ProcessStatus::waiting_signals() const {
  constexpr uint64_t kIgnoredByDefault = bit(SIGCHLD) | bit(SIGURG) | bit(SIGWINCH) | bit(SIGCONT);
  return (pending | shared_pending) & ~blocked & ~ignored & ~(kIgnoredByDefault & ~caught);
}

std::optional<ProcessStatus> status_of(pid_t tid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/status", tid);
  const std::string text = read_whole(path);
  if (text.empty()) return std::nullopt;
  const auto decimal = [&](const char* name) { return static_cast<pid_t>(number_after(text, name, 10)); };
  return ProcessStatus{decimal("\nTgid:"),
                       decimal("\nPPid:"),
                       static_cast<uint32_t>(decimal("\nThreads:")),
                       number_after(text, "\nSigPnd:", 16),
                       number_after(text, "\nShdPnd:", 16),
                       number_after(text, "\nSigBlk:", 16),
                       number_after(text, "\nSigIgn:", 16),
                       number_after(text, "\nSigCgt:", 16)};
}

std::vector<pid_t> children_of(pid_t process) {
  std::vector<pid_t> children;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", process);
  DIR* const threads = opendir(path);
  while (const dirent* entry = threads ? readdir(threads) : nullptr) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%.12s/children", process, entry->d_name);
    const std::string text = read_whole(path);
    for (const char* at = text.c_str(); *at;) {
      char* end;
      const long pid = strtol(at, &end, 10);
      if (end == at) break;
      children.push_back(static_cast<pid_t>(pid));
      at = end + strspn(end, " \n");
    }
  }
  if (threads) closedir(threads);
  return children;
}

} // namespace sp::spd
