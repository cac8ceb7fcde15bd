// SPDX-License-Identifier: Apache-2.0
// The signals that the program's signalfds show: 0 as long as it has made none.
#pragma once
#include <cstdint>

namespace sp {
uint64_t watched_signals();
}
