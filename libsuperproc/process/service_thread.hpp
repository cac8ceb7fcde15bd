// SPDX-License-Identifier: Apache-2.0
// Threads of superproc's own inside the program: the agent of each node, the reaper and the proxies at home. They run on
// stacks in the node's own region, with every signal blocked and thread-local storage of their own there, so that
// nothing of the program can interrupt them or is shared with them by accident.
#pragma once
#include <cstdint>

#include "libsuperproc/base/result.hpp"

namespace sp {

enum class Descriptors { shared, own };

// `place` is kNodeServiceBytes of the node's region. Returns the tid.
Result<int32_t> start_service_thread(uint64_t place, Descriptors descriptors, void (*function)(void*), void* argument,
                                     volatile uint32_t* clear_at_end = nullptr);

// The top of the stack in such a place, and the thread pointer.
uint64_t service_stack_top(uint64_t place);
uint64_t service_thread_pointer(uint64_t place);

} // namespace sp
