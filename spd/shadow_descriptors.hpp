// SPDX-License-Identifier: Apache-2.0
// The descriptors of a shadow. Moved::descriptors says which numbers are open here, so that the body knows whom to ask;
// it is kept right with every call that opens or closes one.
#pragma once
#include "spd/performers.hpp"

namespace sp::spd {

void publish_descriptors(uint32_t record);
// The body has called exec: what is marked close-on-exec goes.
void close_at_exec(uint32_t record);
// close_range, but for what the body knows nothing of.
long close_published(uint32_t record, const CallWords& call);
void copy_descriptors(uint32_t record, uint32_t child); // the list
long close_number(uint32_t record, uint64_t number);
long duplicate_number(uint32_t record, const CallWords& call); // dup3
// After a call: a new open file goes to the number that the body has chosen. Returns the call's result for the body.
long place_result(uint32_t record, const CallWords& call, long result);

// A file whose reads and writes wait for nobody but a disk.
bool is_regular(uint64_t number);

} // namespace sp::spd
