// SPDX-License-Identifier: Apache-2.0
// Makes events of calls for a tracer (wire/trace.hpp). Nothing of it is passed through while nobody traces: a traced call
// is one of interest, and the byte that says so is the tracer's.
#pragma once
#include "libsuperproc/syscalls/call.hpp"
#include "libsuperproc/syscalls/interest.hpp"

namespace sp {

inline bool is_traced(long number) {
  return static_cast<unsigned long>(number) < kInterestCount && __builtin_expect(sp_interest[number].traced, 0);
}

// Performs the call, with an event.
long traced(Call& call, long (*perform)(Call&));

void start_trace(const char* const* environment); // at the program's start, before other calls
void trace_child();                               // in a fork's child

} // namespace sp
