// SPDX-License-Identifier: Apache-2.0
// poll and select of a supervised program over descriptors of both nodes. Nothing: none is the shadow's.
#pragma once
#include <optional>

#include "spd/notification.hpp"

namespace sp::spd {

std::optional<long> poll_both(Notification& call);
std::optional<long> select_both(Notification& call);

} // namespace sp::spd
