// SPDX-License-Identifier: Apache-2.0
// Memory that a process of an isolated cluster shares with others (process/shared_memory.hpp, shared_mapping.hpp).
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"

namespace sp {

// Nothing: the call is about something else, or this kernel's alone.
std::optional<long> segment_of_cluster(const Call& call);

inline constexpr int kSegmentCalls[] = {SYS_shmget, SYS_shmat,  SYS_shmdt,  SYS_shmctl,
                                        SYS_mmap,   SYS_munmap, SYS_mremap, SYS_exit_group};

} // namespace sp
