// SPDX-License-Identifier: Apache-2.0
// The program as one who makes calls about processes of other nodes (about_others.hpp), and those of them that are refused:
// no process can look into one of another kernel.
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"
#include "libsuperproc/wire/figures.hpp"

namespace sp {

bool is_about_others(long number);
std::optional<long> about_others(const Call& call);
void watch_calls_about_others();
std::optional<wire::Figures> figures_of(int32_t pid); // of one that has moved

} // namespace sp
