// SPDX-License-Identifier: Apache-2.0
// Which sockets are a pair, as the kernel's socket diagnosis shows it (sock_diag(7)).
#pragma once
#include <cstdint>

namespace sp::spd {

// The inode of the other end of a connected stream socket of this network namespace that nobody has shut down; 0: none,
// or this kernel does not tell.
uint32_t unix_peer(uint32_t inode);

} // namespace sp::spd
