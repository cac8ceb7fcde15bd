// SPDX-License-Identifier: Apache-2.0
// syscalls.def as data: what superproc does with each call. For whoever decides at run time (dispatch), prints (traces,
// spctl, the documentation page) or checks (tests). Code that is made per call includes syscalls.def itself.
#pragma once
#include <cerrno>
#include <cstdint>
#include <span>
#include <string_view>

namespace sp {

struct Arguments; // arguments.hpp

// Where a call runs.
enum class Route : uint8_t {
  kernel,  // of no interest: straight to the kernel, on the node that calls
  local,   // looked at on the node that calls, and answered there: in user space or by the kernel
  home,    // at the SubProcess's home node, for that is where the kernel keeps the state
  owner,   // on the node of the thread or object that it names
  all,     // here, and on every other node before its next call of that kind
  refused, // nowhere: SyscallRow::error
};

// How much of what Linux promises holds for a thread on any node.
enum class Level : uint8_t { full, partial, forwarded, refused };

// Which file of libsuperproc/syscalls has the calls that are not the kernel's alone.
enum class Family : uint8_t {
  memory,
  thread,
  process,
  signal,
  time,
  files,
  network,
  sync,
  ipc,
  identity,
  scheduling,
  limits,
  tracing,
  other,
};
inline constexpr uint32_t kRouteCount = 6;
inline constexpr uint32_t kLevelCount = 4;
inline constexpr uint32_t kFamilyCount = 14;

struct SyscallRow {
  uint16_t number;
  Route route;
  Level level;
  Family family;
  uint16_t error; // errno of a refused row, else 0
  const char* name;
  const char* arguments; // in the words of arguments.hpp
  const char* note;      // what is missing, or why; "" where there is nothing to say
};

inline constexpr SyscallRow kSyscallRows[] = {
#define SYSCALL(number, name, route, level, family, arguments, note)                                                   \
  {number, Route::route, Level::level, Family::family, 0, #name, arguments, note},
#define REFUSED(number, name, error, family, arguments, note)                                                          \
  {number, Route::refused, Level::refused, Family::family, error, #name, arguments, note},
#include "libsuperproc/syscalls/syscalls.def"
};

// What differs on isolated nodes (isolated.def).
struct IsolatedRow {
  std::string_view name;
  Level level;
  const char* note;
};
inline constexpr IsolatedRow kIsolatedRows[] = {
#define ISOLATED(name, level, note) {#name, Level::level, note},
#include "libsuperproc/syscalls/isolated.def"
};
constexpr const IsolatedRow* find_isolated(std::string_view name) {
  for (const IsolatedRow& row : kIsolatedRows)
    if (row.name == name) return &row;
  return nullptr;
}

constexpr std::span<const SyscallRow> syscall_rows() { return kSyscallRows; }

// Null for a number or name that the table does not know: a call newer than the table, or of another ABI.
const SyscallRow* find_syscall(long number);
const SyscallRow* find_syscall(std::string_view name);
const Arguments* find_arguments(long number); // its arguments, taken apart

const char* route_name(Route route);
const char* level_name(Level level);
const char* family_name(Family family);

} // namespace sp
