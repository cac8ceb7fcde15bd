// SPDX-License-Identifier: Apache-2.0
// The seccomp filters that threads of the program installed since conversion. The kernel passes them on to what a thread
// makes itself; what an agent or a stand-in makes in its place has to install them anew, so they are kept: a list for each
// thread, newest first, in shared memory, whose older part threads share as the kernel's do. They are never freed, as a
// thread's filters never go.
#pragma once
#include <cstdint>
#include <linux/filter.h>

namespace sp {

uint64_t own_filters(); // the newest of the calling thread, 0: none

// The calling thread has installed it. False if there is no memory to keep it.
bool keep_filter(const sock_fprog& filter, uint64_t flags);

// Those of the list `newest` down to `known`, which the calling thread has; the oldest first.
void install_filters(uint64_t newest, uint64_t known);

} // namespace sp
