// SPDX-License-Identifier: Apache-2.0
// Protections of a range on the nodes' kernels. In an arena the kernel's protection is read-write unless the record says
// otherwise, and then on those nodes that `applied` names; elsewhere all kernels have the record's.
#pragma once
#include "libsuperproc/memory/windows.hpp"

namespace sp::memory {

inline constexpr int kReadWrite = 3;

// The record of anonymous memory with this protection, as far as `applied` nodes' kernels follow.
VmaAttributes anonymous(int prot, uint16_t applied = 0);

// Sets the kernels' protection of [start, end), whose records are all mapped, and the records.
long set_protection(Window& window, uint64_t start, uint64_t end, int prot);
// Fresh memory of an arena that shall not be read-write.
long protect_fresh(Window& window, uint64_t start, uint64_t end, int prot);
// Back to read-write on every node whose kernel has something else, so that the addresses can be given away again.
long clear_protection(Window& window, uint64_t start, uint64_t end);

void apply_pending_protections();

} // namespace sp::memory
