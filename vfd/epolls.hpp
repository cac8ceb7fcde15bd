// SPDX-License-Identifier: Apache-2.0
// An epoll of this node that has the shadow's descriptors too: they are in a twin of it at the shadow.
#pragma once
#include "vfd/descriptors.hpp"

namespace sp::vfd {

// The descriptor of the twin, or -1.
long twin_of(uint64_t epoll);
// ... made if there is none; -errno.
long make_twin(uint64_t epoll);
// The epoll is about to be closed.
void forget_twin(uint64_t epoll);

} // namespace sp::vfd
