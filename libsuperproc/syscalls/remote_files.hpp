// SPDX-License-Identifier: Apache-2.0
// Calls on a shadow's descriptors whose memory depends on what is asked, or that need both nodes' files. Each returns
// nothing if the call is this node's alone.
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"

struct msghdr;

namespace sp {

long control_by_shadow(const Call& call);          // fcntl
long device_by_shadow(const Call& call);           // ioctl
std::optional<long> open_by_shadow(Call& call);    // the controlling terminal; /proc names this process
std::optional<long> map_by_name(const Call& call); // mmap of a file that both nodes see
long message_by_shadow(uint64_t socket, msghdr* program, int flags, bool sends);
std::optional<long> copy_between(const Call& call); // sendfile, splice, copy_file_range
std::optional<long> copy_memory(const Call& call);  // vmsplice

} // namespace sp
