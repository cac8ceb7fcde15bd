// SPDX-License-Identifier: Apache-2.0
// What spctl says to people on descriptor 2: one line, the cause and the next step. Exit codes are docker's: 125 for an
// error of spctl's own, 126 a program that cannot be executed, 127 one that does not exist, else the program's own.
#pragma once
#include <fmt/core.h>
#include <string>

namespace sp::spctl {

inline constexpr int kExitOwnError = 125;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;

struct Refusal {
  int exit_code;
  std::string text; // without the prefix
};

void say(const std::string& text); // "spctl: TEXT\n", written with one call

template <class... A>
int own_error(fmt::format_string<A...> format, A&&... arguments) {
  say(fmt::format(format, std::forward<A>(arguments)...));
  return kExitOwnError;
}

inline int refuse(const Refusal& refusal) {
  say(refusal.text);
  return refusal.exit_code;
}

std::string errno_text(int errno_value); // "No such file or directory"

} // namespace sp::spctl
