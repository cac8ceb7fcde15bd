// SPDX-License-Identifier: Apache-2.0
// Names of the constants that the words of syscalls/arguments.hpp stand for.
#pragma once
#include <cstdint>
#include <string>

#include "libsuperproc/syscalls/arguments.hpp"

namespace sp::spctl {

// "PROT_READ|PROT_WRITE", "SEEK_SET", "0x2a" for what has no name; "" for a kind that has no names.
std::string constant_text(ArgumentKind kind, uint64_t value);

std::string error_text(int error); // "ENOENT (No such file or directory)"

} // namespace sp::spctl
