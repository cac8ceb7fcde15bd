// SPDX-License-Identifier: Apache-2.0
// See launchers.hpp.
#include "spctl/launchers.hpp"

#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fmt/core.h>
#include <sys/stat.h>

namespace sp::spctl {
namespace {

uint64_t space_at(const char* link, pid_t pid) {
  struct stat space {};
  return stat(fmt::format("/proc/{}/ns/{}", pid, link).c_str(), &space) == 0 ? space.st_ino : 0;
}

} // namespace

uint64_t pid_space_of(pid_t pid) { return space_at("pid", pid); }

void wake_launchers(uint64_t space) {
  DIR* const processes = space != 0 ? opendir("/proc") : nullptr;
  if (processes == nullptr) return;
  while (const dirent* entry = readdir(processes)) {
    const pid_t pid = atoi(entry->d_name);
    if (pid > 0 && space_at("pid_for_children", pid) == space && space_at("pid", pid) != space) kill(pid, SIGCONT);
  }
  closedir(processes);
}

} // namespace sp::spctl
