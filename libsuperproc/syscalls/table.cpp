// SPDX-License-Identifier: Apache-2.0
// Look-up in the table of system calls, and the rules of the table, which hold or it does not compile.
#include "libsuperproc/syscalls/table.hpp"

#include <array>

#include "libsuperproc/syscalls/arguments.hpp"
#include "libsuperproc/wire/subprocess.hpp"

namespace sp {
namespace {

constexpr bool numbers_ascend() {
  for (size_t i = 1; i < syscall_rows().size(); i++)
    if (kSyscallRows[i].number <= kSyscallRows[i - 1].number) return false;
  return true;
}

constexpr bool same_name(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) a++, b++;
  return *a == *b;
}

// Plain indices and pointers: each of the 73,000 pairs costs a few of the million steps that clang allows.
constexpr bool names_are_unique() {
  for (size_t i = 0; i < std::size(kSyscallRows); i++)
    for (size_t j = 0; j < i; j++)
      if (same_name(kSyscallRows[i].name, kSyscallRows[j].name)) return false;
  return true;
}

// Each of these takes one row, so that a failing build can be narrowed down by looking at one rule at a time.
constexpr bool note_is_there(const SyscallRow& row) {
  return (row.level != Level::partial && row.level != Level::refused) || row.note[0] != '\0';
}
constexpr bool refusal_is_whole(const SyscallRow& row) {
  const bool refused = row.route == Route::refused;
  return refused == (row.level == Level::refused) && refused == (row.error != 0);
}
constexpr bool forwarding_has_a_place(const SyscallRow& row) {
  return row.level != Level::forwarded || row.route == Route::home || row.route == Route::owner;
}
constexpr bool arguments_can_be_decoded(const SyscallRow& row) { return parse_arguments(row.arguments).valid; }

template <class Rule>
constexpr bool every_row(Rule rule) {
  for (const SyscallRow& row : kSyscallRows)
    if (!rule(row)) return false;
  return true;
}

static_assert(numbers_ascend(), "syscalls.def: rows are in the order of their numbers, one for each number");
static_assert(names_are_unique(), "syscalls.def: two rows have one name");
static_assert(every_row(note_is_there), "syscalls.def: a partial or refused row says what is missing or why");
static_assert(every_row(refusal_is_whole), "syscalls.def: a row is refused in route, level and errno, or in none");
static_assert(every_row(forwarding_has_a_place), "syscalls.def: a forwarded row is routed to home or owner");
static_assert(every_row(arguments_can_be_decoded), "syscalls.def: arguments not in the words of arguments.hpp");
static_assert(kSyscallRows[std::size(kSyscallRows) - 1].number < wire::kSyscallCountMax,
              "the counters of the control segment are indexed by call number");

// Row index + 1 by number, so that dispatch finds a row with one load and 0 means none.
constexpr auto kIndexByNumber = [] {
  std::array<uint16_t, wire::kSyscallCountMax> index{};
  for (size_t i = 0; i < std::size(kSyscallRows); i++) index[kSyscallRows[i].number] = static_cast<uint16_t>(i + 1);
  return index;
}();

constexpr auto kParsed = [] {
  std::array<Arguments, std::size(kSyscallRows)> parsed{};
  for (size_t i = 0; i < std::size(kSyscallRows); i++) parsed[i] = parse_arguments(kSyscallRows[i].arguments);
  return parsed;
}();

} // namespace

const Arguments* find_arguments(long number) {
  const SyscallRow* row = find_syscall(number);
  return row ? &kParsed[static_cast<size_t>(row - kSyscallRows)] : nullptr;
}

const SyscallRow* find_syscall(long number) {
  if (number < 0 || number >= static_cast<long>(kIndexByNumber.size())) return nullptr;
  const uint16_t index = kIndexByNumber[static_cast<size_t>(number)];
  return index == 0 ? nullptr : &kSyscallRows[index - 1];
}

const SyscallRow* find_syscall(std::string_view name) {
  for (const SyscallRow& row : kSyscallRows) {
    size_t i = 0;
    while (i < name.size() && row.name[i] == name[i] && row.name[i] != '\0') i++;
    if (i == name.size() && row.name[i] == '\0') return &row;
  }
  return nullptr;
}

const char* route_name(Route route) {
  switch (route) {
    case Route::kernel: return "kernel";
    case Route::local: return "local";
    case Route::home: return "home";
    case Route::owner: return "owner";
    case Route::all: return "all";
    case Route::refused: return "refused";
  }
  return "?";
}

const char* level_name(Level level) {
  switch (level) {
    case Level::full: return "full";
    case Level::partial: return "partial";
    case Level::forwarded: return "forwarded";
    case Level::refused: return "refused";
  }
  return "?";
}

const char* family_name(Family family) {
  switch (family) {
    case Family::memory: return "memory";
    case Family::thread: return "thread";
    case Family::process: return "process";
    case Family::signal: return "signal";
    case Family::time: return "time";
    case Family::files: return "files";
    case Family::network: return "network";
    case Family::sync: return "sync";
    case Family::ipc: return "ipc";
    case Family::identity: return "identity";
    case Family::scheduling: return "scheduling";
    case Family::limits: return "limits";
    case Family::tracing: return "tracing";
    case Family::other: return "other";
  }
  return "?";
}

} // namespace sp
