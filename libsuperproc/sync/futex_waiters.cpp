// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/sync/futex_waiters.hpp"

uint32_t sp_futex_waiters[kFutexBucketCount];
