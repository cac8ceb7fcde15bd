// SPDX-License-Identifier: Apache-2.0
// Processes of this node that are rebuilt from a description (wire/image.hpp): what a remote fork or a resident needs.
#pragma once
#include <cstdint>
#include <sys/types.h>

namespace sp::spd {

// A child with the number of the next process, rebuilt from the description at `offset` of what the keeper has as descriptor
// `source`. Returns its number or -errno as soon as it exists; whether it was rebuilt, it says itself, or its exit status
// (an errno).
long restore(uint32_t source, uint64_t offset);

// The same of a child with this number, whose description is still being written: the record will say where it is, if it
// stays in this use.
long restore_as(pid_t pid, uint32_t record, uint32_t use);

} // namespace sp::spd
