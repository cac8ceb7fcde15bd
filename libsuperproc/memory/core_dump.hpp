// SPDX-License-Identifier: Apache-2.0
// Before home dies by a signal that dumps core: the kernel would write every page of the arenas and the heap's reserve, and
// allocate each that is not there for it. Only what the segments have is to be in the core.
#pragma once

namespace sp::memory {

void limit_core_dump(); // at home

} // namespace sp::memory
