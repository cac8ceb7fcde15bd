// SPDX-License-Identifier: Apache-2.0
#include "vpid/numbers.hpp"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

namespace sp::vpid {

namespace {
constexpr const char* kLastPid = "/proc/sys/kernel/ns_last_pid";
}

int32_t last_pid() {
  const int file = open(kLastPid, O_RDONLY | O_CLOEXEC);
  char text[16] = {};
  if (file >= 0) (void)!read(file, text, sizeof text - 1);
  close(file);
  return atoi(text);
}

bool set_next_pid(int32_t pid) {
  const int file = open(kLastPid, O_WRONLY | O_CLOEXEC);
  char text[16];
  const int length = snprintf(text, sizeof text, "%d", pid - 1);
  const bool done = file >= 0 && write(file, text, static_cast<size_t>(length)) == length;
  close(file);
  return done;
}

void LeaseWatch::look() {
  const int32_t last = last_pid(), spare = (end_ - first_) / 8;
  if (last >= end_ - spare || (last != 0 && last < first_)) set_next_pid(first_);
  interval_ns_ = last != last_ ? kOftenNs : interval_ns_ < kSeldomNs ? interval_ns_ * 2 : kSeldomNs;
  last_ = last;
}

} // namespace sp::vpid
