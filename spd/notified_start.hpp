// SPDX-License-Identifier: Apache-2.0
// The start of a supervised program: its first exec is the moment when it gets placeholders for its shadow's descriptors;
// each later one closes what is marked close-on-exec, also at the shadow. The kernel does not say whether an exec has
// succeeded; but then placeholders are gone.
#pragma once
#include <cstdint>

#include "spd/notification.hpp"

namespace sp::spd {

// Before any call. False: the program has no shadow.
bool begin_program(Notification& call, uint32_t record);

void about_to_start(uint32_t record);                          // exec
void after_start(Notification& call, uint32_t record); // the call has been let pass

} // namespace sp::spd
