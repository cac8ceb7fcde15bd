// SPDX-License-Identifier: Apache-2.0
#include "spd/departure.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsuperproc/base/kernel_action.hpp"
#include "libsuperproc/process/haste.hpp"

namespace sp::spd {

namespace {

// Of this process: signals that it ignores or handles.
uint64_t signals_with_action() {
  uint64_t with_action = 0;
  for (int signal = 1; signal < NSIG; ++signal) {
    KernelAction action{};
    sys::call(SYS_rt_sigaction, signal, nullptr, &action, sizeof action.mask);
    if (action.handler) with_action |= 1ull << (signal - 1);
  }
  return with_action;
}

void limit(const wire::Departure& d) {
  for (uint32_t i = 0; i < wire::kLimitCount; ++i) {
    const rlimit wanted{d.limits[i][0], d.limits[i][1]};
    rlimit own{};
    sys::call(SYS_prlimit64, 0, i, nullptr, &own);
    if (own.rlim_cur == wanted.rlim_cur && own.rlim_max == wanted.rlim_max) continue;
    sys::call(SYS_prlimit64, 0, i, &wanted, nullptr);
  }
}

// What differs from this process's own. Processors are the same on each node if none has some of its own.
void schedule(const wire::DepartureScheduling& wanted) {
  Scheduling own = own_scheduling();
  constexpr uint32_t kDeadline = 6; // its times do not go along
  if (own.bytes && wanted.policy != kDeadline &&
      (own.policy != wanted.policy || own.nice != wanted.nice || own.priority != wanted.priority)) {
    own.policy = wanted.policy, own.priority = wanted.priority, own.nice = wanted.nice;
    own.flags = wanted.flags;
    sp::schedule(own);
  }
  if (sys::call(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) != wanted.io)
    sys::call(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, wanted.io);
  wire::CpuMask processors{};
  sys::call(SYS_sched_getaffinity, 0, sizeof processors, &processors);
  if (wire::cluster().cores_per_node == 0 && memcmp(&processors, &wanted.processors, sizeof processors) != 0)
    sys::call(SYS_sched_setaffinity, 0, sizeof wanted.processors, &wanted.processors);
}

} // namespace

uint64_t own_actions() {
  static const uint64_t known = signals_with_action(); // they do not change
  return known;
}

void default_signals(uint64_t mask, uint64_t ignored) {
  const uint64_t own = own_actions(), all = ~0ull;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all); // what is sent meanwhile is for what it becomes
  for (int signal = 1; signal < NSIG; ++signal) {
    if (!((own | ignored) >> (signal - 1) & 1)) continue;
    KernelAction action{};
    action.handler = ignored >> (signal - 1) & 1; // SIG_IGN, or SIG_DFL
    sys::call(SYS_rt_sigaction, signal, &action, nullptr, sizeof action.mask);
  }
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, sizeof mask);
}

bool read_departure(uint32_t record, Departed& program) {
  (void)own_actions(); // before children begin with this memory
  program.departure = wire::moved(record).departure;
  const wire::Departure& d = program.departure;
  if (d.text_bytes == 0 || d.text_bytes > wire::kDepartureTextMax) return false;
  program.text.assign(reinterpret_cast<const char*>(wire::transfer_area(record, 0)), d.text_bytes);
  if (program.text.back() != '\0') return false;
  char* at = program.text.data();
  char* const end = at + program.text.size();
  const auto next = [&]() -> char* {
    if (at >= end) return nullptr;
    char* const found = at;
    at += strlen(at) + 1;
    return found;
  };
  const auto read_list = [&](uint32_t count, std::vector<char*>& list) {
    for (uint32_t i = 0; i < count; ++i)
      if (char* text = next()) list.push_back(text);
      else return false;
    list.push_back(nullptr);
    return true;
  };
  program.path = next();
  program.folder = next();
  return program.folder && read_list(d.argument_count, program.arguments) &&
         read_list(d.environment_count, program.environment);
}

// Perhaps with spd's memory (spd/begin_as.hpp), so nothing of libc that says what failed.
int become(const Departed& program) {
  const wire::Departure& d = program.departure;
  const bool is_at_home = wire::cluster().image[0] != 0; // so are the calls with names that are relative to it
  const bool is_here = !is_at_home || sys::call(SYS_access, program.folder, F_OK) == 0;
  if (const long moved = sys::call(SYS_chdir, is_here ? program.folder : "/"); sys::failed(moved))
    return static_cast<int>(-moved);
  sys::call(SYS_umask, d.umask);
  limit(d);
  schedule(d.scheduling);
  default_signals(d.mask, d.ignored);
  return static_cast<int>(
      -sys::call(SYS_execve, program.path, program.arguments.data(), program.environment.data()));
}

} // namespace sp::spd
