// SPDX-License-Identifier: Apache-2.0
// sp-syscall-page: prints docs/syscalls.md, the table of system calls for people. The page is committed, so that it can
// be read without a build; the target `syscall-page` writes it anew and a test says when that was forgotten.
#include <array>
#include <cstdio>
#include <cstring>

#include "libsuperproc/syscalls/table.hpp"

namespace sp {
namespace {

struct Described {
  const char* mark;
  const char* meaning;
};

// Indexed by Level, Route and Family.
constexpr std::array<Described, kLevelCount> kLevels = {{
    {"●", "no program can tell it from Linux"},
    {"◐", "works, except for what its note says"},
    {"➜", "works, by being performed where its state is"},
    {"○", "answered with the errno in its note; nothing is done"},
}};
constexpr std::array<const char*, kRouteCount> kRoutes = {
    "straight to the kernel, on the node that calls",
    "looked at on the node that calls, and answered there, in user space or by the kernel",
    "performed at the SubProcess's home node when another one calls",
    "performed on the node of the thread or object that it names",
    "applied here and on every other node",
    "not performed",
};
constexpr std::array<const char*, kFamilyCount> kFamilies = {
    "Memory",
    "Threads",
    "Processes",
    "Signals",
    "Time",
    "Files and descriptors",
    "Network",
    "Synchronisation",
    "System V and POSIX IPC",
    "Identity",
    "Scheduling",
    "Limits and accounting",
    "Tracing",
    "Other",
};

template <class Matches>
int count(Matches matches) {
  int found = 0;
  for (const SyscallRow& row : syscall_rows())
    if (matches(row)) found++;
  return found;
}

void print_introduction() {
  std::puts("# System calls\n\n"
            "<!-- Made from libsuperproc/syscalls/syscalls.def: edit that, then `cmake --build build/release --target "
            "syscall-page`. -->\n");
  std::printf(
      "Every system call that Linux 6.18 has on x86-64, %d in all, and what superproc does with it once a program "
      "runs on\nseveral nodes of the `embedded` backend. Until a program makes its first thread it is not "
      "converted, and all calls but the\nrefused ones behave as in Linux. `spctl syscalls` prints the same "
      "table; `spctl syscalls --missed PID` says which refused\nor unknown calls a running program has tried.\n\n",
      static_cast<int>(syscall_rows().size()));
}

void print_counts() {
  std::puts("| | level | calls | |\n| --- | --- | ---: | --- |");
  for (uint32_t i = 0; i < kLevelCount; i++) {
    const auto level = static_cast<Level>(i);
    std::printf("| %s | %s | %d | %s |\n", kLevels[i].mark, level_name(level),
                count([&](const SyscallRow& row) { return row.level == level; }), kLevels[i].meaning);
  }
  std::puts("\n| route | calls | where the call runs |\n| --- | ---: | --- |");
  for (uint32_t i = 0; i < kRouteCount; i++) {
    const auto route = static_cast<Route>(i);
    std::printf("| %s | %d | %s |\n", route_name(route),
                count([&](const SyscallRow& row) { return row.route == route; }), kRoutes[i]);
  }
}

const char* error_name(int error) {
  const char* name = strerrorname_np(error);
  return name == nullptr ? "?" : name;
}

void print_family(Family family) {
  std::printf("\n## %s\n\n| number | call | | level | route | note |\n| ---: | --- | --- | --- | --- | --- |\n",
              kFamilies[static_cast<size_t>(family)]);
  for (const SyscallRow& row : syscall_rows()) {
    if (row.family != family) continue;
    std::printf("| %d | `%s` | %s | %s | %s | ", row.number, row.name, kLevels[static_cast<size_t>(row.level)].mark,
                level_name(row.level), route_name(row.route));
    if (row.error != 0) std::printf("%s. ", error_name(row.error));
    std::printf("%s |\n", row.note);
  }
}

void print_isolated() {
  std::puts("\n## Isolated nodes\n\n"
            "With `spctl run --isolate` these are less than their rows above say (libsuperproc/syscalls/isolated.def); "
            "all others are the same.\n\"Another node's\" is what a program has inherited across a move, or what runs "
            "there.\n\n| call | | level | note |\n| --- | --- | --- | --- |");
  for (const IsolatedRow& row : kIsolatedRows)
    std::printf("| `%s` | %s | %s | %s |\n", row.name.data(), kLevels[static_cast<size_t>(row.level)].mark,
                level_name(row.level), row.note);
}

} // namespace
} // namespace sp

int main() {
  sp::print_introduction();
  sp::print_counts();
  for (uint32_t i = 0; i < sp::kFamilyCount; i++) sp::print_family(static_cast<sp::Family>(i));
  sp::print_isolated();
  return std::fflush(stdout) == 0 ? 0 : 1;
}
