// SPDX-License-Identifier: Apache-2.0
// The program that `spctl run` starts: found as execvp finds it, and judged before it runs, so that nothing is missed
// silently: a program into which the shim cannot be loaded is refused with the reason,
// unless superproc can do without.
#pragma once
#include <string>
#include <tl/expected.hpp>

#include "spctl/message.hpp"

namespace sp::spctl {

struct Program {
  std::string path;           // what is given to execve
  std::string obstacle;       // why the shim cannot be loaded into it; empty when it can
  bool runs_by_shell;         // no known format: execvp hands such a file to /bin/sh
  bool starts_others = false; // despite the obstacle: it runs on its first node, programs that it starts have the shim
};

tl::expected<std::string, Refusal> find_program(const std::string& name); // searches PATH
tl::expected<Program, Refusal> judge_program(const std::string& path);

} // namespace sp::spctl
