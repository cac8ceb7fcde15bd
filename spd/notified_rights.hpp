// SPDX-License-Identifier: Apache-2.0
// A supervised program's user and capabilities, which its shadow shall have as well. The kernel changes them after spd has let
// the call pass; so spd looks at what has become of them when the same thread asks next, before its call is performed.
#pragma once
#include "spd/notification.hpp"

namespace sp::spd {

bool changes_rights(const Notification& call);
void expect_other_rights(pid_t tid);
void tell_of_rights(pid_t tid, uint32_t record); // if they were expected; tells the shadow of this record

} // namespace sp::spd
