// SPDX-License-Identifier: Apache-2.0
// Calls on a shadow's descriptors whose memory depends on what is asked, or that need both nodes' files. Each returns
// nothing if the call is this node's alone.
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"

struct msghdr;

namespace sp {

long control_by_shadow(const Call& call);               // fcntl
long device_by_shadow(const Call& call);                // ioctl
std::optional<long> map_file_of_home(const Call& call); // mmap
std::optional<long> open_own_process(Call& call); // what it opens below its own /proc/PID is not quite the kernel's
long open_here(uint64_t descriptor, int flags);   // one of home's files, by its name; -errno
long make_pair_at_home(const Call& call);         // pipe2, socketpair
long message_by_shadow(uint64_t socket, msghdr* program, int flags, bool sends);
std::optional<long> copy_between(const Call& call); // sendfile, splice, copy_file_range
std::optional<long> copy_memory(const Call& call);  // vmsplice

} // namespace sp
