// SPDX-License-Identifier: Apache-2.0
// Which numbers eax may hold at a `syscall`: constants followed along all ways through one function. glibc keeps a
// call's number in another register where a loop makes the call often (futex waits), so one basic block is not enough.
#pragma once
#include "shim/sites/entry_map.hpp"
#include "shim/sites/instruction.hpp"

namespace sp::sites {

// For each instruction of the function that is a `syscall`, in order: the number, or kNumberUnknown.
std::vector<int16_t> syscall_numbers(const FunctionCode& code, const EntryMap& entries);

} // namespace sp::sites
