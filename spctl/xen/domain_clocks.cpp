// SPDX-License-Identifier: Apache-2.0
// See domain_clocks.hpp.
#include "spctl/xen/domain_clocks.hpp"

#include <array>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <string>
#include <unistd.h>

#include "gnttab-shm/backend/xen/range_call.hpp"

namespace sp::spctl {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr std::array kSinceBoot{CLOCK_MONOTONIC, CLOCK_BOOTTIME};

int64_t read_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * kSecondNs + now.tv_nsec;
}

// Xen's time when that clock was 0. Of some looks the one that was interrupted least.
int64_t epoch_ns(clockid_t clock) {
  constexpr int kLooks = 50;
  int64_t best = INT64_MAX, epoch = 0;
  for (int i = 0; i < kLooks; ++i) {
    const int64_t before = read_ns(clock);
    const auto xens = xen::RangeCall::system_time_ns();
    const int64_t took = read_ns(clock) - before;
    if (!xens || took >= best) continue;
    best = took;
    epoch = static_cast<int64_t>(*xens) - (before + took / 2);
  }
  return epoch;
}

bool write_offsets(const std::string& text) {
  const int file = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool done = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return done;
}

} // namespace

void tell_clocks(wire::Sleepers& sleepers) {
  for (size_t i = 0; i < kSinceBoot.size(); ++i) sleepers.clock_epochs_ns[i] = epoch_ns(kSinceBoot[i]);
}

bool follow_clocks(const wire::Sleepers& sleepers) {
  std::string offsets;
  for (size_t i = 0; i < kSinceBoot.size(); ++i) {
    const int64_t ahead = epoch_ns(kSinceBoot[i]) - sleepers.clock_epochs_ns[i];
    const int64_t seconds = ahead / kSecondNs - (ahead % kSecondNs < 0);
    offsets += fmt::format("{} {} {}\n", kSinceBoot[i], seconds, ahead - seconds * kSecondNs);
  }
  return unshare(CLONE_NEWTIME) == 0 && write_offsets(offsets);
}

} // namespace sp::spctl
