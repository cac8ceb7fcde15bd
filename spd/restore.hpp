// SPDX-License-Identifier: Apache-2.0
// Processes of this node that are rebuilt from a description (wire/image.hpp): what a remote fork or a resident needs.
#pragma once
#include <cstdint>
#include <sys/types.h>

namespace sp::spd {

// A child with this number (0: the next one), rebuilt from the description at `offset` of what the keeper has as descriptor
// `source`. Returns its number or -errno as soon as it exists; whether it was rebuilt, it says itself, or its exit status
// (an errno).
long restore_as(pid_t pid, uint32_t source, uint64_t offset);

} // namespace sp::spd
