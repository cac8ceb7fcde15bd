// SPDX-License-Identifier: Apache-2.0
// Those shadows are made by others, without a signal at their end; all that are the parent's to wait for at home have one.
#include "spd/ending_shadow.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "libsuperproc/wire/cluster.hpp"

namespace sp::spd {

namespace {

// What the process sends its parent; -1: it is not known.
int exit_signal_of(pid_t pid) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t bytes = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (file >= 0) close(file);
  if (bytes <= 0) return -1;
  text[bytes] = '\0';
  constexpr int kField = 38, kAfterName = 2; // proc_pid_stat(5)
  const char* at = strrchr(text, ')');
  for (int field = kAfterName; at && field < kField; ++field) at = strchr(at + 1, ' ');
  return at ? atoi(at + 1) : -1;
}

bool has_record(pid_t pid) {
  const uint32_t high = wire::cluster().moved_high.load();
  for (uint32_t i = 0; i < high && i < wire::kMovedCountMax; ++i)
    if (const wire::Moved& m = wire::moved(i);
        m.shadow_pid.load() == pid && m.state.load() != wire::MovedState::free && m.state.load() != wire::MovedState::ended)
      return true;
  return false;
}

} // namespace

bool is_ending_shadow(pid_t pid) {
  constexpr char kShadow[] = "/sp-shadow";
  constexpr size_t kLength = sizeof kShadow - 1;
  if (exit_signal_of(pid) != 0 || has_record(pid)) return false;
  char path[32], program[4096];
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  const ssize_t bytes = readlink(path, program, sizeof program);
  if (bytes < 0) return true; // it has no memory any more
  return bytes >= static_cast<ssize_t>(kLength) && memcmp(program + bytes - kLength, kShadow, kLength) == 0;
}

} // namespace sp::spd
