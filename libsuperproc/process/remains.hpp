// SPDX-License-Identifier: Apache-2.0
// What stays where a process began when it goes on elsewhere: its open files, and what it is shown as.
#pragma once
#include <cstdint>

namespace sp {

// Says in the record which descriptors its body shall have places for. Nothing is changed yet.
void publish_descriptors(uint32_t record);

// exec would close some of them; the shadow, which marks them again, shall have all.
void keep_descriptors(uint32_t record);

// The program's arguments, for its shadow to be shown with.
const char* const* own_arguments();

} // namespace sp
