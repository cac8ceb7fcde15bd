// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/cluster/self.hpp"

namespace sp {
thread_local constinit ThreadSelf thread_self{};
} // namespace sp
