// SPDX-License-Identifier: Apache-2.0
// Notified calls on files whose memory depends on what is asked, or that need both nodes' files. Nothing: the kernel of
// this node performs it.
#pragma once
#include <optional>

#include "spd/notification.hpp"

namespace sp::spd {

long control_file(const Notification& call);                  // fcntl on one of the shadow's
std::optional<long> control_device(const Notification& call); // ioctl
std::optional<long> open_file(const Notification& call);      // the controlling terminal; relative to the shadow's
std::optional<long> map_file(const Notification& call);       // mmap of a file that both nodes see
std::optional<long> use_object(const Notification& call);     // a semaphore or message queue
long pass_message(const Notification& call);                  // sendmsg, recvmsg on one of the shadow's
std::optional<long> copy_file(const Notification& call);      // sendfile, splice, copy_file_range

// The program's lowest number from `from` on that is not open; nothing else of it may be opening files.
uint32_t lowest_free(pid_t tid, uint32_t from);

} // namespace sp::spd
