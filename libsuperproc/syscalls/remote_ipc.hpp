// SPDX-License-Identifier: Apache-2.0
// A moved SubProcess's semaphores and message queues: all nodes have those of the shadow's, where they belong to it. So
// who waits, who was last, what SEM_UNDO takes back and who is told of a message are its kernel's affair, under the one
// number that body and shadow have.
#pragma once
#include <optional>

#include "libsuperproc/syscalls/call.hpp"

namespace sp {

// Nothing: the call is about something else.
std::optional<long> object_by_shadow(const Call& call);

// shmget and shmctl, by the shadow.
long segment_by_shadow(const Call& call);

// mq_notify on a queue of the shadow's.
long notify_by_shadow(const Call& call);

inline constexpr int kObjectCalls[] = {SYS_semget, SYS_semop,  SYS_semctl, SYS_semtimedop, SYS_msgget,
                                       SYS_msgsnd, SYS_msgrcv, SYS_msgctl, SYS_mq_open,    SYS_mq_unlink};

} // namespace sp
