// SPDX-License-Identifier: Apache-2.0
// Calls on semaphores and message queues, as a body asks for them (spd/admission.hpp): what their rows cannot say about
// their memory, and whether they may wait.
#pragma once
#include "libsuperproc/wire/cluster.hpp"
#include "spd/performers.hpp"

namespace sp::spd {

// 0, also for what is none of these; or -errno.
long admit_object_call(const CallWords& call);

bool object_call_may_wait(const CallWords& call);

// What of it the kernel takes back when the shadow ends.
wire::Undoes undone_at_end(const CallWords& call);

// mq_notify, by signals only: for a thread the kernel would use descriptors and memory of the shadow's.
long perform_notify(const CallWords& call);

} // namespace sp::spd
