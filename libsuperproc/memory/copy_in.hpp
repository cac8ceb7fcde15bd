// SPDX-License-Identifier: Apache-2.0
// Conversion, the memory half: moves a process's private memory into segments at the same addresses.
//
// Runs in the reaper while the program's only thread sleeps, on a stack that is not moved. Private memory is copied page
// by page where there are pages (the page map tells), then mapped again from the segment; files that are mapped private
// and read-only stay what they are, where the other nodes have them: every resident inherits or opens them. Shared
// mappings stay too. The heap and the main stack are reserved as far as they may grow.
#pragma once
#include "libsuperproc/base/result.hpp"
#include "libsuperproc/memory/proc_maps.hpp"

namespace sp::memory {

// Does it become segment memory?
bool is_converted(const Mapping& mapping);

// Needs create_segments(). On failure the address space may be half converted: the caller ends the process.
Result<> convert_address_space();

} // namespace sp::memory
