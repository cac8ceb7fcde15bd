// SPDX-License-Identifier: Apache-2.0
// exec. The new program shall be a SubProcess of the same SuperProcess, so its environment must still load us, also where
// the program cleared it (`env -i`). In a converted process the call is made in the home process by a thread of its own
// standing: when the kernel lets it succeed it ends home's other threads, the agent among them, and so (parent-death
// signal) the residents; when it fails, everything goes on as before. The new program reaps them at its start, and gives
// back what this one held of the nodes' pools. One without the shim holds that until its end, and so does one that followed
// a program with several threads, since another of them may have been in fork.
#pragma once
#include <cstdint>

namespace sp {

// Remembers what later programs shall inherit; `environment` is the process's own at its start.
void remember_environment(const char* const* environment);
// Names this SuperProcess to later programs: "PID:START".
void name_superprocess(int32_t pid, uint64_t start);

long exec(const char* path, const char* const* arguments, const char* const* environment, uint64_t mask);
long exec_at(int directory, const char* path, const char* const* arguments, const char* const* environment, int flags,
             uint64_t mask);

// At the start of a program, when it is in the cluster: what the one that called exec has left.
void clear_up_after_exec(const char* const* environment);

const char* find_kept_variable(const char* name); // superproc's own, as the first program had it; "" if it had none
const char* find_variable(const char* const* environment, const char* name); // its value or null

} // namespace sp
