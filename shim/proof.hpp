// SPDX-License-Identifier: Apache-2.0
// Is everything that the program can execute proven to make no system call past the shim (sync/sealing.hpp)? Each executable
// mapping must be one of these:
//   code of an object whose table (shim/sites) accounts for every way into the kernel, all patched; libsuperproc's own
//   the vdso, patched (shim/vdso.hpp)
//   a private file mapping of at most kScanBytesMax without a pair of bytes that enters the kernel (base/code_scan.hpp)
#pragma once
#include <cstdint>

#include "shim/loaded_objects.hpp"

namespace sp::shim {

// At start. Remembers what is executable; notes the reason when the answer is no.
bool is_all_proven(const ProvenCode& proven);

// The same for a mapping to be made later (syscalls/code_guard.hpp), by the file's build id; only of files without sites,
// for nothing is patched any more.
bool is_known_code(int fd, uint64_t offset, uint64_t bytes);

} // namespace sp::shim
