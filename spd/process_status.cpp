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
                       number_after(text, "\nSigCgt:", 16),
                       text.find("\nState:\tT") != std::string::npos,
                       number_after(text, "\nvoluntary_ctxt_switches:", 10) +
                           number_after(text, "\nnonvoluntary_ctxt_switches:", 10)};
}

bool credentials_of(pid_t tid, wire::Credentials& found) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/status", tid);
  const std::string text = read_whole(path);
  const auto line = [&](const char* name, uint32_t (&ids)[3], uint32_t& of_files) {
    const size_t at = text.find(name);
    return at != std::string::npos && sscanf(text.c_str() + at + strlen(name), "%u %u %u %u", &ids[0], &ids[1], &ids[2],
                                             &of_files) == 4;
  };
  found = {};
  if (!line("\nUid:", found.users, found.file_user) || !line("\nGid:", found.groups_own, found.file_group)) return false;
  const size_t groups = text.find("\nGroups:");
  const char* at = groups == std::string::npos ? "" : text.c_str() + groups + strlen("\nGroups:");
  for (at += strspn(at, " \t"); *at >= '0' && *at <= '9' && found.group_count < wire::kGroupCountMax; at += strspn(at, " ")) {
    char* end = nullptr;
    found.groups[found.group_count++] = static_cast<uint32_t>(strtoul(at, &end, 10));
    at = end;
  }
  found.no_new_privileges = number_after(text, "\nNoNewPrivs:", 10) != 0;
  found.inheritable = number_after(text, "\nCapInh:", 16), found.permitted = number_after(text, "\nCapPrm:", 16);
  found.effective = number_after(text, "\nCapEff:", 16), found.bounding = number_after(text, "\nCapBnd:", 16);
  found.ambient = number_after(text, "\nCapAmb:", 16);
  return true;
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
