// SPDX-License-Identifier: Apache-2.0
// A traced call as strace(1) prints it, by what its row in syscalls.def says of its arguments.
#pragma once
#include <string>

#include "spctl/trace_reader.hpp"

namespace sp::spctl {

std::string call_name(const TracedCall& call);   // "openat"
std::string call_text(const TracedCall& call);   // "openat(AT_FDCWD, "/etc", O_RDONLY)"
std::string result_text(const TracedCall& call); // "3", "-1 ENOENT (No such file or directory)", "?"
const char* call_route(const TracedCall& call);  // of its row, or "shadow"
bool has_failed(const TracedCall& call);
std::string quoted(const std::string& bytes, bool whole); // as a C string, with ... where there was more

} // namespace sp::spctl
